/* SPDX-License-Identifier: MIT */
/* jemalloc's totals, from the counters of its arenas (5.3, 64 bit, pages of 4 KiB), in a shared library or in the program.
 *
 *   arenas[] in its data -> arena_t { ... lstats[196] ... pa_shard.nactive ... ecache_dirty, _muzzy, _retained ... ind ... bins[] }
 *
 * An arena is one if the index in it is its index in the array, and if its counters give exactly its number of active pages:
 * slabs of all 36 bins, and large blocks of all 196 classes (with more shards of a bin than one they do not).  mallctl's stats.allocated is the same sum; blocks in threads'
 * caches count as allocated there and here. */
#include <stdio.h>
#include <string.h>

#include "census/heap.h"

#define PAGE       4096
#define BINS       36
#define LARGE      196
#define ARENAS_MAX 4095

/* The program runs on: an arena's counters differ from each other for a moment. */
#define TRIES 50

/* In bytes from the arena's begin; within a bin from the bin's. */
static const struct layout {
        const char *versions;
        uint32_t large, large_stride, large_current;
        uint32_t active;
        uint32_t dirty, muzzy, retained; /* ecache_t */
        uint32_t cache_pages, cache_guarded_pages, cache_index;
        uint32_t index, base, base_resident;
        uint32_t bins, bin_stride, bin_allocs, bin_frees, bin_current, bin_slabs;
} layouts[] = {
        {"5.3",
         .large = 0x3d0,
         .large_stride = 48,
         .large_current = 0,
         .active = 0x29a0,
         .dirty = 0x29e8,
         .muzzy = 0x75d8,
         .retained = 0xc1c8,
         .cache_pages = 112 + 9640,
         .cache_guarded_pages = 9768 + 9640,
         .cache_index = 19428,
         .index = 0x13450,
         .base = 0x13458,
         .base_resident = 0xf30,
         .bins = 0x13468,
         .bin_stride = 224,
         .bin_allocs = 0x70,
         .bin_frees = 0x78,
         .bin_current = 0x88,
         .bin_slabs = 0xb0},
};

#define ARENA_BYTES (0x13468 + BINS * 224)

/* include/jemalloc/internal/sc.h: 8, 16, 32 … 128 by 16, then four for each doubling. */
static uint64_t class_bytes(unsigned i)
{
        unsigned group, within;

        if (i == 0)
                return 8;
        if (i <= 8)
                return 16 * (uint64_t)i;
        group = (i - 9) / 4;
        within = (i - 9) % 4 + 1;
        return (UINT64_C(128) << group) + within * (UINT64_C(32) << group);
}

/* A slab is the fewest pages that the size divides. */
static uint64_t slab_bytes(uint64_t size)
{
        uint64_t slab = PAGE;

        while (slab % size != 0)
                slab += PAGE;
        return slab;
}

struct arena {
        uint64_t active, dirty, muzzy, retained; /* pages */
        uint64_t in_bins[BINS], large[LARGE];    /* blocks */
        uint64_t metadata;                       /* bytes */
};

static uint64_t word_at(const unsigned char *data, size_t offset)
{
        uint64_t word;

        memcpy(&word, data + offset, sizeof(word));
        return word;
}

static uint32_t half_at(const unsigned char *data, size_t offset)
{
        uint32_t half;

        memcpy(&half, data + offset, sizeof(half));
        return half;
}

static uint64_t cached_pages(const struct layout *l, const unsigned char *data, size_t cache)
{
        return word_at(data, cache + l->cache_pages) + word_at(data, cache + l->cache_guarded_pages);
}

static bool indices_agree(const struct layout *l, const unsigned char *data, uint32_t index)
{
        return half_at(data, l->index) == index && half_at(data, l->dirty + l->cache_index) == index &&
               half_at(data, l->muzzy + l->cache_index) == index &&
               half_at(data, l->retained + l->cache_index) == index;
}

/* Large blocks have a page more, unless jemalloc was built with --disable-cache-oblivious. */
static bool pages_agree(const struct arena *a, uint64_t slab_pages)
{
        uint64_t with = slab_pages, without = slab_pages;

        for (unsigned i = 0; i < LARGE; i++) {
                uint64_t pages = class_bytes(BINS + i) / PAGE;

                if (a->large[i] > a->active)
                        return false;
                with += a->large[i] * (pages + 1);
                without += a->large[i] * pages;
        }
        return a->active == with || a->active == without;
}

/* The arena's words are at `data`; false: they are none, or do not agree. */
static bool arena_parse(const struct layout *l, const unsigned char *data, uint32_t index, struct arena *ret)
{
        struct arena a = {.active = word_at(data, l->active),
                          .dirty = cached_pages(l, data, l->dirty),
                          .muzzy = cached_pages(l, data, l->muzzy),
                          .retained = cached_pages(l, data, l->retained)};
        uint64_t slab_pages = 0;

        if (!indices_agree(l, data, index))
                return false;
        for (unsigned i = 0; i < BINS; i++) {
                size_t bin = l->bins + (size_t)i * l->bin_stride;
                uint64_t size = class_bytes(i), slab = slab_bytes(size),
                         slabs = word_at(data, bin + l->bin_slabs);

                a.in_bins[i] = word_at(data, bin + l->bin_current);
                if (word_at(data, bin + l->bin_allocs) - word_at(data, bin + l->bin_frees) != a.in_bins[i] ||
                    slabs > a.active || a.in_bins[i] > slabs * (slab / size))
                        return false;
                slab_pages += slabs * (slab / PAGE);
        }
        for (unsigned i = 0; i < LARGE; i++) {
                size_t large = l->large + (size_t)i * l->large_stride + l->large_current;

                a.large[i] = word_at(data, large) - word_at(data, large + 8);
        }
        if (!pages_agree(&a, slab_pages))
                return false;
        *ret = a;
        return true;
}

/* What costs little to look at: its index, its base allocator, and that it has pages, as the first one has in every process.  Another
 * one may have none: its threads have only freed so far, or asked for statistics. */
static bool may_be_arena(const struct heap_look *look, const struct layout *l, uint64_t address,
                         uint32_t index)
{
        uint32_t own;
        uint64_t active, base;

        return heap_get(look, address + l->index, &own, sizeof(own)) && own == index &&
               heap_get(look, address + l->base, &base, sizeof(base)) && base % 64 == 0 &&
               heap_is_anonymous(look, base) &&
               heap_get(look, address + l->active, &active, sizeof(active)) && (active > 0 || index > 0) &&
               active < UINT64_C(1) << 35;
}

static bool arena_get(const struct heap_look *look, const struct layout *l, uint64_t address, uint32_t index,
                      struct arena *ret)
{
        unsigned char data[ARENA_BYTES];

        if (!may_be_arena(look, l, address, index))
                return false;
        for (unsigned i = 0; i < TRIES && !heap_is_late(look); i++) {
                struct arena a;

                heap_get_present(look, address, data, sizeof(data));
                if (!indices_agree(l, data, index))
                        return false;
                if (!arena_parse(l, data, index, &a))
                        continue;
                if (!heap_get(look, word_at(data, l->base) + l->base_resident, &a.metadata,
                              sizeof(a.metadata)) ||
                    a.metadata == 0 || a.metadata > UINT64_C(1) << 40)
                        return false;
                *ret = a;
                return true;
        }
        return false;
}

static void add_arena(const struct arena *a, struct heap *h)
{
        uint64_t in_use = 0;

        for (unsigned i = 0; i < BINS + LARGE; i++) {
                uint64_t size = class_bytes(i), blocks = i < BINS ? a->in_bins[i] : a->large[i - BINS];

                heap_count(h, size, blocks);
                h->blocks += blocks;
                in_use += blocks * size;
        }
        h->in_use += in_use;
        h->free += a->active * PAGE - in_use + (a->dirty + a->muzzy) * PAGE;
        h->overhead += a->metadata;
        h->returned += a->retained * PAGE;
        h->system += (a->active + a->dirty + a->muzzy) * PAGE + a->metadata;
}

/* All arenas of the array at words[at]. */
static bool take_arenas(const struct heap_look *look, const struct layout *l, const struct heap_data *data,
                        size_t at, struct heap *h)
{
        snprintf(h->version, sizeof(h->version), "%s", l->versions);
        h->system = h->in_use = h->blocks = h->free = h->returned = h->overhead = 0;
        for (uint32_t i = 0; i < ARENAS_MAX && at + i < data->n && data->words[at + i]; i++) {
                struct arena a;

                if (!heap_is_anonymous(look, data->words[at + i]))
                        break;
                if (!arena_get(look, l, data->words[at + i], i, &a)) {
                        h->system = h->in_use = h->blocks = h->free = h->returned = h->overhead =
                                HEAP_UNKNOWN;
                        h->n_classes = 0;
                        return heap_refuse(h,
                                           "the counters of arena %u did not agree with its pages: it was "
                                           "changing all the time, or was built another way",
                                           i);
                }
                add_arena(&a, h);
        }
        return true;
}

/* A pointer to an arena of index 0. */
static bool find_arenas(const struct heap_look *look, size_t module, struct heap *h)
{
        _cleanup_heap_data_ struct heap_data data = {.next = module};

        while (heap_data_next(look, &data))
                for (size_t i = 0; i < data.n && !heap_is_late(look); i++) {
                        uint64_t word = data.words[i];

                        for (size_t k = 0; word % 64 == 0 && word && k < ARRAY_SIZE(layouts); k++) {
                                struct arena a;

                                if (heap_is_anonymous(look, word) &&
                                    heap_is_anonymous(look, word + ARENA_BYTES - 1) &&
                                    arena_get(look, &layouts[k], word, 0, &a))
                                        return take_arenas(look, &layouts[k], &data, i, h);
                        }
                }
        return false;
}

bool heap_read_jemalloc(const struct heap_look *look, struct heap *ret)
{
        size_t module = heap_module(look, "libjemalloc"), program = heap_program(look);

        if (module == SIZE_MAX)
                return program != SIZE_MAX && find_arenas(look, program, ret);
        return find_arenas(look, module, ret) ||
               heap_refuse(ret,
                           "not understood: no arenas as those of jemalloc 5.3 (built with statistics, pages "
                           "of 4 KiB) in its data");
}
