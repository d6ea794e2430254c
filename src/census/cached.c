/* SPDX-License-Identifier: MIT */
#include "census/cached.h"

#include "base/clock.h"
#include "base/cleanup.h"

#define TCACHE_LISTS 64

/* One that the program is changing meanwhile must end. */
#define LIST_MAX (UINT64_C(1) << 20)

/* Its first bytes: what one list's block needs. */
struct block {
        uint64_t prev_size, size, link;
};

static bool is_block(const struct walk *w, uint64_t address)
{
        const struct range *range = address % 16 == 0 ? ranges_find(w->tally->ranges, address) : NULL;

        return range && range->writable && !range->module;
}

/* The link stored at `at`, where the next block's memory (or header) begins; 0: the last; UINT64_MAX: no sense. */
static uint64_t link_read(const struct walk *w, uint64_t at, uint64_t stored)
{
        uint64_t open = stored ^ at >> 12;

        if (stored == 0 || open == 0)
                return 0;
        if (is_block(w, open))
                return open;
        return is_block(w, stored) ? stored : UINT64_MAX;
}

/* A list that leads in circles, as a block that was freed twice makes it, ends when it comes to where it was (Brent's algorithm).
 * `delta` is from what links point at to the block's header: 16 in thread caches, 0 in fast lists.  How many. */
static void list_take(struct walk *w, uint64_t at, uint64_t delta, struct heap_sums *sums)
{
        uint64_t was = 0;

        for (uint64_t n = 0; n < LIST_MAX && at != 0 && at != UINT64_MAX && at != was && !w->late; n++) {
                struct block b;
                uint64_t size;

                if ((n & (n - 1)) == 0)
                        was = at;
                if (!is_block(w, at) || !walk_get(w, at - delta, &b, sizeof(b)))
                        return;
                size = b.size & ~CHUNK_FLAGS;
                if (size < CHUNK_MIN || size >= GLIBC_HEAP_MAX)
                        return;
                tally_take_back(w->tally, size, b.link);
                sums->in_use -= size < sums->in_use ? size : sums->in_use;
                sums->blocks_in_use -= sums->blocks_in_use > 0;
                sums->cached += size;
                sums->blocks_cached++;
                at = link_read(w, at - delta + CHUNK_HEADER, b.link);
                w->late = n % 1024 == 1023 && clock_monotonic_ns() > w->deadline_ns;
        }
}

/* A block of the right size is a cache if all that would be links are, and its counters agree with them. */
static bool is_tcache(const struct walk *w, const uint64_t *lists, const void *counters, size_t counter_size)
{
        unsigned used = 0;

        for (unsigned i = 0; i < TCACHE_LISTS; i++) {
                unsigned n =
                        counter_size == 2 ? ((const uint16_t *)counters)[i] : ((const uint8_t *)counters)[i];

                if ((n == 0) != (lists[i] == 0) || (lists[i] && !is_block(w, lists[i])))
                        return false;
                used += n > 0;
        }
        return used > 0;
}

static void tcache_take(struct walk *w, uint64_t address, struct heap_sums *sums)
{
        struct {
                uint16_t counters[TCACHE_LISTS];
                uint64_t lists[TCACHE_LISTS];
        } now;
        struct {
                uint8_t counters[TCACHE_LISTS];
                uint64_t lists[TCACHE_LISTS];
        } old;
        const uint64_t *lists = NULL;

        if (walk_get(w, address + CHUNK_HEADER, &now, sizeof(now)) &&
            is_tcache(w, now.lists, now.counters, 2))
                lists = now.lists;
        else if (walk_get(w, address + CHUNK_HEADER, &old, sizeof(old)) &&
                 is_tcache(w, old.lists, old.counters, 1))
                lists = old.lists;
        for (unsigned i = 0; lists && i < TCACHE_LISTS; i++)
                list_take(w, lists[i], CHUNK_HEADER, sums);
}

void cached_take_tcaches(struct walk *w, struct heap_sums *sums)
{
        for (size_t i = 0; i < w->n_tcaches && !w->late; i++)
                tcache_take(w, w->tcaches[i], sums);
        w->n_tcaches = 0;
}

void cached_take_fastbins(struct walk *w, const struct glibc_arena *arena, struct heap_sums *sums)
{
        for (unsigned i = 0; i < GLIBC_FASTBINS && !w->late; i++)
                list_take(w, arena->fastbins[i], 0, sums);
}
