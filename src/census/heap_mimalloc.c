/* SPDX-License-Identifier: MIT */
/* mimalloc 2 (2.0.9 to 2.2): its segments, by their alignment and their own tables.
 *
 *   segment  { ... used cookie segment_slices info_slices kind slice_entries thread_id slices[513] }   at a multiple of 32 MiB
 *   slice    { count, offset … capacity reserved … used … block_size … }, 64 KiB each; the first of a page stands for all of it
 *
 * A segment is one if the counts of its slices lead from the first exactly to the last, and its pages are as many as it says.
 * Blocks that another thread freed are in use until the owner takes them back. */
#include <stdio.h>
#include <string.h>

#include "census/heap.h"

#define SEGMENT      (UINT64_C(32) << 20)
#define SLICE        65536
#define ENTRIES      512
#define READ_MAX     (288 + (ENTRIES + 1) * 96)
#define TRIES        10
#define SEGMENTS_MAX (1u << 20)

/* In bytes: from the segment, and from a slice. */
static const struct layout {
        const char *versions;
        uint16_t used, segment_slices, info_slices, entries, slices, stride, capacity, reserved, page_used,
                block_size, block_size_bytes;
} layouts[] = {
        {"2.0", 208, 224, 232, 248, 264, 80, 10, 12, 24, 28, 4},
        {"2.1", 208, 224, 232, 248, 264, 96, 10, 12, 32, 40, 8},
        {"2.2", 216, 248, 256, 272, 288, 96, 10, 12, 32, 40, 8},
};

static uint64_t number_at(const unsigned char *data, size_t offset, size_t bytes)
{
        uint64_t value = 0;

        memcpy(&value, data + offset, bytes);
        return value;
}

/* Count the segment's pages into *h; NULL: only verify. */
static bool segment_parse(const struct layout *l, const unsigned char *data, struct heap *h)
{
        uint64_t all = number_at(data, l->segment_slices, 8), info = number_at(data, l->info_slices, 8),
                 entries = number_at(data, l->entries, 8), used = number_at(data, l->used, 8), pages = 0,
                 i = 0;

        if (entries == 0 || entries > ENTRIES || all < entries || info == 0 || info >= entries ||
            all > UINT64_C(1) << 31)
                return false;
        while (i < entries) {
                const unsigned char *s = data + l->slices + i * l->stride;
                uint64_t count = number_at(s, 0, 4), size = number_at(s, l->block_size, l->block_size_bytes),
                         blocks = number_at(s, l->page_used, 4);

                if (count == 0 || number_at(s, 4, 4) != 0 || (count > entries - i && i != info) ||
                    (i == 0 && count != info))
                        return false;
                if (i >= info && size > 1) { /* a page; what is free has 0, and the head of the segment 1 */
                        uint64_t bytes = count * SLICE;

                        pages++;
                        if (blocks > number_at(s, l->capacity, 2) ||
                            number_at(s, l->capacity, 2) > number_at(s, l->reserved, 2) ||
                            size * blocks > bytes)
                                return false;
                        if (h) {
                                heap_count(h, size, blocks);
                                h->blocks += blocks;
                                h->in_use += blocks * size;
                        }
                }
                i += count;
        }
        return pages == used;
}

/* The layout that fits the segment at `address`, or NULL. */
static const struct layout *segment_get(const struct heap_look *look, uint64_t address, unsigned char *data)
{
        for (unsigned n = 0; n < TRIES; n++) {
                heap_get_present(look, address, data, READ_MAX);
                for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
                        if (segment_parse(&layouts[i], data, NULL))
                                return &layouts[i];
        }
        return NULL;
}

static void take_segments(const struct heap_look *look, struct heap *h, unsigned *ret_strange)
{
        unsigned char data[READ_MAX];
        unsigned n = 0;

        for (size_t i = 0; i < look->ranges->n && !heap_is_late(look); i++) {
                const struct range *r = &look->ranges->list[i];
                uint64_t at = (r->start + SEGMENT - 1) / SEGMENT * SEGMENT;

                while (r->writable && r->anonymous && at < r->end && n++ < SEGMENTS_MAX) {
                        const struct layout *l = segment_get(look, at, data);
                        uint64_t bytes = l ? number_at(data, l->segment_slices, 8) * SLICE : SEGMENT;

                        if (l && heap_resident(look, at, at + SLICE) != 0) {
                                (void)segment_parse(l, data, h);
                                snprintf(h->version, sizeof(h->version), "%s", l->versions);
                                heap_lies(h, at, at + bytes < r->end ? at + bytes : r->end);
                        } else {
                                *ret_strange += 1;
                        }
                        at += (bytes + SEGMENT - 1) / SEGMENT * SEGMENT;
                }
        }
}

bool heap_read_mimalloc(const struct heap_look *look, struct heap *ret)
{
        unsigned strange = 0;
        uint64_t resident = 0;

        if (heap_module(look, "libmimalloc") == SIZE_MAX)
                return false;
        ret->in_use = ret->blocks = 0;
        take_segments(look, ret, &strange);
        if (ret->n_regions == 0) {
                ret->in_use = ret->blocks = HEAP_UNKNOWN;
                return heap_refuse(ret, "not understood: no segments as those of mimalloc 2.0 to 2.2");
        }
        for (size_t i = 0; i < ret->n_regions; i++) {
                uint64_t bytes = heap_resident(look, ret->regions[i].start, ret->regions[i].end);

                resident =
                        bytes == HEAP_UNKNOWN || resident == HEAP_UNKNOWN ? HEAP_UNKNOWN : resident + bytes;
        }
        ret->system = resident;
        if (resident != HEAP_UNKNOWN && resident >= ret->in_use)
                ret->free = resident - ret->in_use;
        return true;
}
