/* SPDX-License-Identifier: MIT */
/* V8's heap (node 16 to 20): its pages, which begin with a head that names itself (src/heap/basic-memory-chunk.h).
 *
 *   { size, flags, heap, area_start, area_end, allocated_bytes, wasted, high_water_mark, owner, allocator, reservation: start, size }
 *
 * A page is one if it lies at a multiple of 256 KiB, its area lies in it, and its reservation is itself; four of them make a heap.
 * In the new space nothing tells what is in use before it is collected; of the other spaces
 * allocated_bytes does, garbage included. */
#include <string.h>

#include "census/heap.h"

#define ALIGNMENT UINT64_C(0x40000)
#define NEW_SPACE UINT64_C(0x18) /* IN_FROM_PAGE, IN_TO_PAGE */
#define PAGES_MAX (1u << 20)

struct page_head {
        uint64_t size, flags, heap, area_start, area_end, allocated, wasted, high_water, owner, allocator,
                start, reserved;
};

static bool page_verifies(const struct page_head *p, uint64_t address, uint64_t room)
{
        return p->start == address && p->reserved == p->size && p->size > 0 && p->size <= room &&
               p->area_start > address && p->area_start <= p->area_end && p->area_end <= address + p->size &&
               p->area_start - address <= 16384 && p->allocated <= p->area_end - p->area_start &&
               p->heap % 8 == 0 && p->heap != 0;
}

/* Where neighbouring mappings of its kind end: pages of code are split by their permissions. */
static uint64_t room_at(const struct ranges *r, size_t i)
{
        uint64_t end = r->list[i].end;

        for (i++; i < r->n && r->list[i].start == end && r->list[i].anonymous; i++)
                end = r->list[i].end;
        return end;
}

static void add(struct heap *h, size_t part, const char *name, uint64_t bytes)
{
        struct heap_type *t = &h->types[part];

        strcpy(t->name, name);
        t->blocks++;
        t->bytes += bytes;
}

/* V8 makes code, in memory of no file: where there is none, nobody need look for its pages. */
static bool makes_code(const struct ranges *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (r->list[i].executable && r->list[i].anonymous)
                        return true;
        return false;
}

bool heap_read_v8(const struct heap_look *look, struct heap *ret)
{
        const struct ranges *r = look->ranges;
        uint64_t after = 0;
        unsigned pages = 0;

        if (!makes_code(r))
                return false;
        for (size_t i = 0; i < r->n && pages < PAGES_MAX && !heap_is_late(look); i++) {
                uint64_t at = (r->list[i].start + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, room;

                if (!r->list[i].anonymous || !r->list[i].readable || !r->list[i].writable)
                        continue;
                at = at < after ? after : at;
                for (room = room_at(r, i); at < r->list[i].end; at += ALIGNMENT) {
                        struct page_head p;

                        if (!heap_get(look, at, &p, sizeof(p)) || !page_verifies(&p, at, room - at))
                                continue;
                        pages++;
                        if (p.flags & NEW_SPACE)
                                add(ret, 1, "new space, with what is free in it", p.size);
                        else
                                add(ret, 0, "old space, large objects and code", p.allocated);
                        heap_lies(ret, at, at + p.size);
                        ret->system = ret->system == HEAP_UNKNOWN ? p.size : ret->system + p.size;
                        after = at + (p.size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                        at = after - ALIGNMENT;
                }
        }
        ret->n_types = ret->types[1].blocks ? 2 : ret->types[0].blocks ? 1 : 0;
        return pages >= 4;
}
