/* SPDX-License-Identifier: MIT */
/* The JVM's heap (HotSpot), by the tables that it exports for debuggers: gHotSpotVMStructs says at which offset of which class
 * a field lies, so that no layout is built in here (src/hotspot/share/runtime/vmStructs.hpp; the tables' own shape is exported, too).
 *
 *   { typeName "CollectedHeap", fieldName "_reserved", typeString, isStatic, offset, address } ... until typeName is NULL
 *
 * Read are: the reserved heap and the code cache, whose mapped parts count; with G1 what is used, garbage included. */
#include <stdio.h>
#include <string.h>

#include "census/dynsym.h"
#include "census/heap.h"

#define ENTRIES_MAX 8192
#define NAME_BYTES  48

/* The tables' shape. */
struct shape {
        uint64_t table, stride, type_name, field_name, offset, address;
};

enum {
        HEAP_OBJECT,
        RESERVED,
        START,
        WORDS,
        CODE_LOW,
        CODE_HIGH,
        G1_USED,
        G1_MONITOR,
        G1_EDEN,
        G1_SURVIVOR,
        G1_OLD,
        N_FIELDS
};

static const struct {
        const char *type, *name, *name_before; /* how it was called in earlier versions */
} wanted[N_FIELDS] = {
        [HEAP_OBJECT] = {.type = "Universe", .name = "_collectedHeap"},
        [RESERVED] = {.type = "CollectedHeap", .name = "_reserved"},
        [START] = {.type = "MemRegion", .name = "_start"},
        [WORDS] = {.type = "MemRegion", .name = "_word_size"},
        [CODE_LOW] = {.type = "CodeCache", .name = "_low_bound"},
        [CODE_HIGH] = {.type = "CodeCache", .name = "_high_bound"},
        [G1_USED] = {.type = "G1CollectedHeap", .name = "_summary_bytes_used"},
        [G1_MONITOR] = {.type = "G1CollectedHeap", .name = "_monitoring_support", .name_before = "_g1mm"},
        [G1_EDEN] = {.type = "G1MonitoringSupport", .name = "_eden_space_committed"},
        [G1_SURVIVOR] = {.type = "G1MonitoringSupport", .name = "_survivor_space_committed"},
        [G1_OLD] = {.type = "G1MonitoringSupport", .name = "_old_gen_committed"},
};

/* Of each the offset, or for a static one the address. */
struct fields {
        uint64_t offset[N_FIELDS], address[N_FIELDS];
        bool known[N_FIELDS];
};

static uint64_t word_get(const struct heap_look *look, uint64_t address)
{
        uint64_t word;

        return address && heap_get(look, address, &word, sizeof(word)) ? word : 0;
}

static bool shape_get(const struct heap_look *look, uint64_t base, struct shape *ret)
{
        const struct {
                const char *name;
                uint64_t *to;
        } symbols[] = {
                {"gHotSpotVMStructs", &ret->table},
                {"gHotSpotVMStructEntryArrayStride", &ret->stride},
                {"gHotSpotVMStructEntryTypeNameOffset", &ret->type_name},
                {"gHotSpotVMStructEntryFieldNameOffset", &ret->field_name},
                {"gHotSpotVMStructEntryOffsetOffset", &ret->offset},
                {"gHotSpotVMStructEntryAddressOffset", &ret->address},
        };

        for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
                uint64_t address = dynsym_find(look->memory, base, symbols[i].name);

                if (!address || !heap_get(look, address, symbols[i].to, sizeof(*symbols[i].to)))
                        return false;
        }
        return ret->table && ret->stride >= 24 && ret->stride <= 256;
}

static void text_get(const struct heap_look *look, uint64_t address, char out[NAME_BYTES])
{
        out[remote_read(look->memory, address, out, NAME_BYTES - 1)] = '\0';
}

static bool is_wanted(size_t k, const char *type, const char *name)
{
        return strcmp(type, wanted[k].type) == 0 &&
               (strcmp(name, wanted[k].name) == 0 ||
                (wanted[k].name_before && strcmp(name, wanted[k].name_before) == 0));
}

static void fields_get(const struct heap_look *look, const struct shape *s, struct fields *ret)
{
        *ret = (struct fields){0};
        for (unsigned i = 0; i < ENTRIES_MAX && !heap_is_late(look); i++) {
                uint64_t entry = s->table + i * s->stride, type = word_get(look, entry + s->type_name);
                char type_name[NAME_BYTES], name[NAME_BYTES];

                if (!type)
                        return;
                text_get(look, type, type_name);
                text_get(look, word_get(look, entry + s->field_name), name);
                for (size_t k = 0; k < N_FIELDS; k++) {
                        if (ret->known[k] || !is_wanted(k, type_name, name))
                                continue;
                        ret->known[k] = true;
                        ret->offset[k] = word_get(look, entry + s->offset);
                        ret->address[k] = word_get(look, entry + s->address);
                }
        }
}

/* What of the region is mapped and may be written or executed; the rest is only reserved. */
static uint64_t add_mapped(const struct heap_look *look, uint64_t start, uint64_t end, const char *name,
                           struct heap *h)
{
        const struct ranges *r = look->ranges;
        uint64_t sum = 0;

        for (size_t i = 0; i < r->n && r->list[i].start < end; i++) {
                uint64_t from = r->list[i].start > start ? r->list[i].start : start,
                         until = r->list[i].end < end ? r->list[i].end : end;

                if (from >= until || !r->list[i].readable)
                        continue;
                if (r->list[i].anonymous) /* objects that a class data archive brought along */
                        heap_lies(h, from, until);
                sum += until - from;
        }
        if (sum > 0) {
                snprintf(h->types[h->n_types].name, HEAP_NAME, "%s, %llu MiB reserved", name,
                         (unsigned long long)(end - start) >> 20);
                h->types[h->n_types].blocks = 1;
                h->types[h->n_types++].bytes = sum;
        }
        return sum;
}

static bool is_region(uint64_t start, uint64_t bytes)
{
        return start % 4096 == 0 && start && bytes && bytes % 4096 == 0 && bytes < UINT64_C(1) << 46 &&
               start < UINT64_C(1) << 47;
}

/* It is G1's if what it keeps for its monitors adds up to what is mapped: then what is used, else unknown. */
static uint64_t g1_used(const struct heap_look *look, uint64_t object, const struct fields *f,
                        uint64_t mapped)
{
        uint64_t monitor, used = word_get(look, object + f->offset[G1_USED]);

        for (size_t i = G1_USED; i <= G1_OLD; i++)
                if (!f->known[i])
                        return HEAP_UNKNOWN;
        monitor = word_get(look, object + f->offset[G1_MONITOR]);
        if (!heap_is_anonymous(look, monitor) ||
            word_get(look, monitor + f->offset[G1_EDEN]) + word_get(look, monitor + f->offset[G1_SURVIVOR]) +
                            word_get(look, monitor + f->offset[G1_OLD]) !=
                    mapped)
                return HEAP_UNKNOWN;
        return used <= mapped ? used : HEAP_UNKNOWN;
}

static bool take(const struct heap_look *look, const struct fields *f, struct heap *h)
{
        uint64_t object = word_get(look, f->address[HEAP_OBJECT]), region = object + f->offset[RESERVED];
        uint64_t start = word_get(look, region + f->offset[START]),
                 bytes = word_get(look, region + f->offset[WORDS]) * 8, low, high, mapped;

        if (!object || !is_region(start, bytes))
                return heap_refuse(h, "there is no heap yet, or its description makes no sense");
        mapped = add_mapped(look, start, start + bytes, "Java heap", h);
        h->system = mapped;
        h->returned = bytes - mapped;
        h->in_use = g1_used(look, object, f, mapped);
        if (h->in_use != HEAP_UNKNOWN)
                h->free = mapped - h->in_use;
        low = f->known[CODE_LOW] ? word_get(look, f->address[CODE_LOW]) : 0;
        high = f->known[CODE_HIGH] ? word_get(look, f->address[CODE_HIGH]) : 0;
        if (high > low && is_region(low, high - low)) {
                h->overhead = add_mapped(look, low, high, "code cache", h);
                h->system += h->overhead;
        }
        return true;
}

bool heap_read_jvm(const struct heap_look *look, struct heap *ret)
{
        size_t module = heap_module(look, "libjvm.so");
        struct shape shape;
        struct fields fields;
        uint64_t base;

        if (module == SIZE_MAX)
                return false;
        base = look->ranges->list[module].start;
        if (!shape_get(look, base, &shape))
                return heap_refuse(
                        ret, "not understood: libjvm.so does not export HotSpot's tables for debuggers");
        fields_get(look, &shape, &fields);
        for (size_t i = 0; i <= WORDS; i++)
                if (!fields.known[i])
                        return heap_refuse(ret, "not understood: HotSpot's tables do not name %s::%s",
                                           wanted[i].type, wanted[i].name);
        snprintf(ret->version, sizeof(ret->version), "HotSpot");
        return take(look, &fields, ret);
}
