/* SPDX-License-Identifier: MIT */
#include "census/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS      (1u << 15)
#define OBJECTS_MOST (OBJECTS / 4 * 3)

/* User space ends here on every 64-bit machine of ours. */
#define ADDRESS_MAX (UINT64_C(1) << 56)

int tally_make(const struct ranges *ranges, struct tally *ret)
{
        struct tally_object *objects = calloc(OBJECTS, sizeof(*objects));

        if (!objects)
                return -ENOMEM;
        *ret = (struct tally){.ranges = ranges, .objects = objects};
        return 0;
}

void tally_done(struct tally *t)
{
        free(t->objects);
        *t = (struct tally){0};
}

static uint32_t row_of(uint64_t bytes)
{
        uint64_t units = bytes / 16;
        unsigned top;
        uint32_t row;

        if (units <= TALLY_EXACT)
                return units > 0 ? (uint32_t)units - 1 : 0;
        units--;
        top = 63 - (unsigned)__builtin_clzll(units); /* at least 6 */
        row = TALLY_EXACT + (top - 6) * TALLY_PER_DOUBLE + (uint32_t)(units >> (top - 3) & 7);
        return row < TALLY_SIZES ? row : TALLY_SIZES - 1;
}

uint64_t tally_row_bytes(uint32_t row)
{
        uint32_t above = row - TALLY_EXACT;

        if (row < TALLY_EXACT)
                return (uint64_t)(row + 1) * 16;
        return (uint64_t)(TALLY_PER_DOUBLE + above % TALLY_PER_DOUBLE + 1)
               << (above / TALLY_PER_DOUBLE + 3) << 4;
}

/* Some printable characters, then nothing or more of them: "redis\0\0\0", "GET /ind". */
static bool is_text(uint64_t word)
{
        unsigned n = 0;

        for (; n < 8; n++) {
                unsigned char byte = (unsigned char)(word >> 8 * n);

                if (byte == 0)
                        break;
                if (byte < 0x20 || byte == 0x7f)
                        return false;
        }
        return n >= 3 && (n == 8 || word >> 8 * n == 0);
}

static enum tally_kind kind_of(struct tally *t, uint64_t word)
{
        if (word == 0)
                return TALLY_ZERO;
        if (word >= 4096 && word < ADDRESS_MAX) {
                if (!t->last || word < t->last->start || word >= t->last->end) {
                        const struct range *range = ranges_find(t->ranges, word);

                        t->last = range ? range : t->last;
                        if (!range)
                                return is_text(word) ? TALLY_TEXT : TALLY_OTHER;
                }
                if (t->last->module)
                        return TALLY_MODULE;
                return t->last->writable ? TALLY_HEAP : TALLY_OTHER;
        }
        return is_text(word) ? TALLY_TEXT : TALLY_OTHER;
}

/* Its slot, or a free one for it; NULL: no room. */
static struct tally_object *object_find(struct tally *t, enum tally_kind kind, uint64_t word, uint32_t row)
{
        uint64_t hash = (word ^ (uint64_t)row << 40 ^ (uint64_t)kind << 60) * UINT64_C(0x9e3779b97f4a7c15);

        for (uint32_t i = (uint32_t)(hash >> 49);; i = (i + 1) % OBJECTS) {
                struct tally_object *o = &t->objects[i];

                if (o->kind == kind + 1 && o->word == word && o->size_row == row)
                        return o;
                if (o->kind != 0)
                        continue;
                if (t->n_objects >= OBJECTS_MOST)
                        return NULL;
                *o = (struct tally_object){.word = word, .size_row = row, .kind = (uint8_t)(kind + 1)};
                t->n_objects++;
                return o;
        }
}

static struct tally_object *object_of(struct tally *t, uint64_t bytes, uint64_t word)
{
        enum tally_kind kind = kind_of(t, word);

        return object_find(t, kind, kind == TALLY_MODULE ? word : 0, row_of(bytes));
}

static void count(struct tally_count *c, uint64_t bytes)
{
        c->blocks++;
        c->bytes += bytes;
}

void tally_add(struct tally *t, uint64_t bytes, uint64_t word, uint64_t at)
{
        struct tally_object *o = object_of(t, bytes, word);

        count(&t->sizes[row_of(bytes)], bytes);
        count(o ? &o->count : &t->crowded, bytes);
        if (o)
                o->at = at;
}

/* What was not seen, or was something else then, cannot be taken back. */
static void uncount(struct tally_count *c, uint64_t bytes)
{
        if (c->blocks == 0 || c->bytes < bytes)
                return;
        c->blocks--;
        c->bytes -= bytes;
}

void tally_take_back(struct tally *t, uint64_t bytes, uint64_t word)
{
        struct tally_object *o = object_of(t, bytes, word);

        uncount(&t->sizes[row_of(bytes)], bytes);
        uncount(o ? &o->count : &t->crowded, bytes);
}

static void count_scale(struct tally_count *c, double factor)
{
        c->blocks = (uint64_t)((double)c->blocks * factor + 0.5);
        c->bytes = (uint64_t)((double)c->bytes * factor + 0.5);
}

void tally_scale(struct tally *t, double factor)
{
        for (size_t i = 0; i < TALLY_SIZES; i++)
                count_scale(&t->sizes[i], factor);
        for (size_t i = 0; i < OBJECTS; i++)
                count_scale(&t->objects[i].count, factor);
        count_scale(&t->crowded, factor);
}

static int by_bytes(const void *a, const void *b)
{
        const struct tally_object *x = a, *y = b;

        if (x->count.bytes != y->count.bytes)
                return x->count.bytes > y->count.bytes ? -1 : 1;
        if (x->word != y->word)
                return x->word < y->word ? -1 : 1;
        return (x->size_row > y->size_row) - (x->size_row < y->size_row);
}

size_t tally_sort(struct tally *t)
{
        size_t n = 0;

        for (size_t i = 0; i < OBJECTS; i++)
                if (t->objects[i].kind && t->objects[i].count.blocks > 0)
                        t->objects[n++] = t->objects[i];
        qsort(t->objects, n, sizeof(*t->objects), by_bytes);
        return n;
}
