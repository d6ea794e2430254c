/* SPDX-License-Identifier: MIT */
#include "capture/stacks/stack_range.h"

/* A stack of its own has a guard below it: PROT_NONE, where running out of stack ends. */
static bool looks_like_stack(const struct map_index *maps, const struct map_range *r)
{
        const struct map_range *below = r > maps->ranges ? r - 1 : NULL;

        if (r->flags & MAP_IS_STACK)
                return true;
        return !(r->flags & MAP_IS_FILE) && below && below->end == r->start && !(below->flags & MAP_IS_READ);
}

/* Where sp is in a guard the stack has run out, and begins above it. */
static uint64_t above_guard(const struct map_index *maps, const struct map_range *r, uint64_t sp)
{
        const struct map_range *next = r + 1;
        bool guard = !(r->flags & MAP_IS_READ) && r->end - r->start <= STACK_GUARD_MAX;

        return guard && next < maps->ranges + maps->n && next->start == r->end && next->flags & MAP_IS_READ
                       ? r->end
                       : sp;
}

struct stack_range stack_range_of(const struct map_index *maps, uint64_t sp, unsigned red_zone,
                                  size_t page_size)
{
        const struct map_range *r = map_index_at_or_above(maps, sp);
        bool inside = r && r->start <= sp;
        uint64_t mask = ~((uint64_t)page_size - 1), end;
        size_t cap = STACK_CAP_UNKNOWN;
        struct stack_range range;

        if (inside && above_guard(maps, r, sp) != sp)
                sp = (r++)->end;
        range = (struct stack_range){.start = (sp - (sp > red_zone ? red_zone : 0)) & mask};
        if (inside && range.start < r->start)
                range.start = r->start;
        /* The main thread's stack may have grown since; else stop short of what is known to be something
         * else. */
        if (inside || (r && (r->flags & MAP_IS_STACK)))
                cap = looks_like_stack(maps, r) && r->flags & MAP_IS_READ ? STACK_CAP : STACK_CAP_UNKNOWN;
        end = range.start + cap;
        if (r && end > (inside || (r->flags & MAP_IS_STACK) ? r->end : r->start))
                end = inside || (r->flags & MAP_IS_STACK) ? r->end : r->start;
        range.in_file = inside && (r->flags & MAP_IS_FILE);
        range.pages = end > range.start ? (unsigned)((end - range.start) / page_size) : 0;
        if (range.pages > STACK_PAGES_MAX)
                range.pages = STACK_PAGES_MAX;
        return range;
}
