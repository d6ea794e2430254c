/* SPDX-License-Identifier: MIT */
#include "census/python_types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS      (1u << 15)
#define SLOTS_MOST (SLOTS / 4 * 3)

/* From a type to `type`: metaclasses of metaclasses are few. */
#define CHAIN 4

struct python_type {
        uint64_t address; /* 0: a free slot */
        bool is_type;
        char name[HEAP_NAME];
        uint64_t blocks, bytes;
};

/* As far as the name. */
struct type_object {
        uint64_t refcount, type, size, name;
};

/* Where ob_type may be in a block. */
static const uint32_t type_offsets[] = {8, 24, 40};

int python_types_make(const struct heap_look *look, struct python_types *ret)
{
        struct python_type *slots = calloc(SLOTS, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        *ret = (struct python_types){.look = look, .slots = slots};
        return 0;
}

void python_types_done(struct python_types *t)
{
        free(t->slots);
        *t = (struct python_types){0};
}

static bool leads_to_type(const struct heap_look *look, uint64_t address, struct type_object *ret)
{
        struct type_object o;

        if (!heap_get(look, address, ret, sizeof(*ret)))
                return false;
        o = *ret;
        for (unsigned i = 0; i < CHAIN; i++) {
                if (o.type == address)
                        return true;
                address = o.type;
                if (address % 8 != 0 || !ranges_find(look->ranges, address) ||
                    !heap_get(look, address, &o, sizeof(o)))
                        return false;
        }
        return false;
}

/* "dict", "collections.OrderedDict": printable, and not empty. */
static bool name_get(const struct heap_look *look, uint64_t address, char out[HEAP_NAME])
{
        size_t n = remote_read(look->memory, address, out, HEAP_NAME - 1), i = 0;

        out[n] = '\0';
        while (out[i] > 0x20 && out[i] < 0x7f)
                i++;
        if (i == HEAP_NAME - 1)
                return true;
        return i > 0 && i < n && out[i] == '\0';
}

/* The word's slot, or the free one where it belongs. */
static struct python_type *slot_of(struct python_types *t, uint64_t word)
{
        uint32_t i = (uint32_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 49);

        while (t->slots[i].address && t->slots[i].address != word)
                i = (i + 1) % SLOTS;
        return &t->slots[i];
}

/* Look at what a word leads to that was not met before. */
static void slot_fill(struct python_types *t, struct python_type *slot, uint64_t word)
{
        const struct range *range = t->n < SLOTS_MOST ? ranges_find(t->look->ranges, word) : NULL;
        struct type_object o;

        if (!range || !range->readable || !range->writable)
                return;
        t->n++;
        slot->address = word;
        slot->is_type = leads_to_type(t->look, word, &o) && name_get(t->look, o.name, slot->name);
}

void python_types_count(struct python_types *t, const unsigned char *block, uint32_t bytes)
{
        /* Types that are known first: what the other words of their objects point to is no news. */
        for (unsigned pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < ARRAY_SIZE(type_offsets); i++) {
                        struct python_type *slot;
                        uint64_t word;

                        if (type_offsets[i] + sizeof(word) > bytes)
                                break;
                        memcpy(&word, block + type_offsets[i], sizeof(word));
                        if (word <= UINT16_MAX || word % 8 != 0)
                                continue;
                        slot = slot_of(t, word);
                        if (pass == 1 && !slot->address)
                                slot_fill(t, slot, word);
                        if (!slot->is_type)
                                continue;
                        slot->blocks++;
                        slot->bytes += bytes;
                        return;
                }
        }
        t->other_blocks++;
        t->other_bytes += bytes;
}

static int by_bytes(const void *a, const void *b)
{
        const struct python_type *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->name, y->name);
}

void python_types_put(struct python_types *t, struct heap *h)
{
        qsort(t->slots, SLOTS, sizeof(*t->slots), by_bytes);
        for (size_t i = 0; i < SLOTS && t->slots[i].bytes > 0 && h->n_types < HEAP_TYPES - 1; i++) {
                struct heap_type *type = &h->types[h->n_types++];

                memcpy(type->name, t->slots[i].name, sizeof(type->name));
                type->blocks = t->slots[i].blocks;
                type->bytes = t->slots[i].bytes;
        }
        if (t->other_blocks > 0)
                h->types[h->n_types++] =
                        (struct heap_type){.name = "", .blocks = t->other_blocks, .bytes = t->other_bytes};
}
