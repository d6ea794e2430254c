/* SPDX-License-Identifier: MIT */
/* Go's heap: runtime.memstats.heapStats (runtime/mstats.go, 1.17 and later), found without symbols.
 *
 *   heapStats { stats [3]heapStatsDelta, gen uint32 ... }: the sum of the three is the truth at any time
 *   heapStatsDelta { committed released inHeap inStacks inWorkBufs inPtrScalarBits  tinyAllocCount largeAlloc largeAllocCount
 *                    smallAllocCount[68] largeFree largeFreeCount smallFreeCount[68] }
 *
 * It is the one if another part of the runtime has the same figures (gcController's or memstats' heapInUse, followed by
 * heapReleased), which is what runtime.ReadMemStats itself asserts.  1.16 had another order, and is refused. */
#include <stdio.h>
#include <string.h>

#include "census/heap.h"

#define CLASSES 68
#define PAGE    8192

/* The program runs on: the two places differ for a moment. */
#define TRIES 20

struct stats_delta {
        int64_t committed, released, in_heap, in_stacks, in_work_bufs, in_bits;
        uint64_t tiny_allocs, large_alloc, large_allocs, small_allocs[CLASSES], large_free, large_frees,
                small_frees[CLASSES];
};
#define DELTA_WORDS (sizeof(struct stats_delta) / 8)

/* runtime/sizeclasses.go, since 1.16. */
static const uint16_t class_bytes[CLASSES] = {
        0,     8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,   160,   176,
        192,   208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,   512,   576,
        640,   704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304,  2688,  3072,
        3200,  3456,  4096,  4864,  5376,  6144,  6528,  6784,  6912,  8192,  9472,  9728,  10240, 10880,
        12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};

static void sum_deltas(const uint64_t *words, struct stats_delta *ret)
{
        uint64_t sum[DELTA_WORDS] = {0};

        for (size_t i = 0; i < 3 * DELTA_WORDS; i++)
                sum[i % DELTA_WORDS] += words[i];
        memcpy(ret, sum, sizeof(*ret));
}

/* Enough to leave hardly a place that is not it. */
static bool is_sane(const struct stats_delta *d)
{
        uint64_t live = d->large_alloc - d->large_free;

        if (d->committed <= 0 || d->released < 0 || d->in_heap <= 0 || d->in_stacks <= 0 ||
            d->in_work_bufs < 0 || d->in_bits < 0 || d->committed % 4096 != 0 || d->in_heap % PAGE != 0 ||
            d->released % 4096 != 0 || d->committed > (int64_t)1 << 47 ||
            d->in_heap + d->in_stacks + d->in_work_bufs > d->committed)
                return false;
        if (d->large_free > d->large_alloc || d->large_frees > d->large_allocs)
                return false;
        for (unsigned i = 0; i < CLASSES; i++) {
                if (d->small_allocs[i] < d->small_frees[i] || d->small_allocs[i] > UINT64_C(1) << 60)
                        return false;
                live += (d->small_allocs[i] - d->small_frees[i]) * class_bytes[i];
        }
        return live > 0 && live <= (uint64_t)d->in_heap;
}

/* The three add up to some pages: what most places fail in. */
static bool is_page_sum(const uint64_t *words, uint64_t page, size_t field)
{
        uint64_t sum = words[field] + words[DELTA_WORDS + field] + words[2 * DELTA_WORDS + field];

        return sum > 0 && sum % page == 0 && sum < UINT64_C(1) << 47;
}

/* heapInUse, heapReleased, one after the other, outside of the deltas themselves. */
static bool others_agree(const struct heap_data *data, size_t at, const struct stats_delta *d)
{
        for (size_t i = 0; i + 1 < data->n; i++)
                if (data->words[i] == (uint64_t)d->in_heap && data->words[i + 1] == (uint64_t)d->released &&
                    (i + 2 <= at || i >= at + 3 * DELTA_WORDS))
                        return true;
        return false;
}

/* The three deltas begin at word i: their sum, if it is one. */
static bool stats_at(const struct heap_data *data, size_t i, struct stats_delta *ret)
{
        const uint64_t *w = data->words + i;

        if ((w[3 * DELTA_WORDS] & UINT32_MAX) > 2 || !is_page_sum(w, PAGE, 2) || !is_page_sum(w, 4096, 0))
                return false;
        sum_deltas(w, ret);
        return is_sane(ret);
}

/* One delta too early looks the same where the third has nothing of note, so that the last place of three that agrees
 * with the other figures is the one.  *ret_seen: there was any. */
static bool find_stats(const struct heap_data *data, struct stats_delta *ret, bool *ret_seen)
{
        size_t last = SIZE_MAX;
        struct stats_delta d;

        for (size_t i = 0; i + 3 * DELTA_WORDS < data->n && (last == SIZE_MAX || i <= last + 2 * DELTA_WORDS);
             i++) {
                if (!stats_at(data, i, &d))
                        continue;
                *ret_seen = true;
                if (!others_agree(data, i, &d))
                        continue;
                last = i;
                *ret = d;
        }
        return last != SIZE_MAX;
}

static void put(const struct stats_delta *d, struct heap *h)
{
        uint64_t large = d->large_allocs - d->large_frees;

        h->system = (uint64_t)d->committed;
        h->returned = (uint64_t)d->released;
        h->overhead = (uint64_t)(d->in_stacks + d->in_work_bufs + d->in_bits);
        h->in_use = d->large_alloc - d->large_free;
        h->blocks = large;
        for (unsigned i = 1; i < CLASSES; i++) {
                uint64_t blocks = d->small_allocs[i] - d->small_frees[i];

                heap_count(h, class_bytes[i], blocks);
                h->blocks += blocks;
                h->in_use += blocks * class_bytes[i];
        }
        if (large > 0 && h->n_classes < HEAP_CLASSES)
                h->classes[h->n_classes++] = (struct heap_class){
                        .size = HEAP_UNKNOWN, .blocks = large, .bytes = d->large_alloc - d->large_free};
        h->free = h->system - h->overhead - h->in_use;
}

/* Go 1.18 and later: the magic, pointer size, flags & 2, and at 32 the version: its length, its text (debug/buildinfo). */
static bool version_parse(const unsigned char *data, size_t n, char *out, size_t room)
{
        static const char magic[] = "\xff Go buildinf:";

        for (size_t i = 0; i + 64 <= n; i += 16) {
                size_t len = data[i + 32], k = 0;

                if (memcmp(data + i, magic, sizeof(magic) - 1) != 0 || !(data[i + 15] & 2))
                        continue;
                for (; k < len && k + 1 < room && i + 33 + k < n && data[i + 33 + k] > 0x20 &&
                       data[i + 33 + k] < 0x7f;
                     k++)
                        out[k] = (char)data[i + 33 + k];
                out[k] = '\0';
                return k > 0;
        }
        return false;
}

/* The section is the first of the data, or of what is read-only. */
static bool find_version(const struct heap_look *look, size_t program, char *out, size_t room)
{
        const struct ranges *r = look->ranges;
        unsigned char head[4096];

        for (size_t i = program; i < r->n && r->list[i].module == r->list[program].module; i++)
                if (r->list[i].readable && heap_get(look, r->list[i].start, head, sizeof(head)) &&
                    version_parse(head, sizeof(head), out, room))
                        return true;
        return false;
}

bool heap_read_go(const struct heap_look *look, struct heap *ret)
{
        size_t program = heap_program(look);
        bool found = false;

        if (program == SIZE_MAX || !find_version(look, program, ret->version, sizeof(ret->version)))
                return false;
        for (unsigned i = 0; i < TRIES && !heap_is_late(look); i++) {
                _cleanup_heap_data_ struct heap_data data = {.next = program};
                struct stats_delta d = {0};

                while (heap_data_next(look, &data))
                        if (find_stats(&data, &d, &found)) {
                                put(&d, ret);
                                return true;
                        }
        }
        return heap_refuse(ret, found ? "the runtime's figures did not agree with each other while it ran"
                                      : "not understood: no heap statistics of this runtime's in its data");
}
