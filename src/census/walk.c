/* SPDX-License-Identifier: MIT */
#include "census/walk.h"

#include <string.h>

#include "base/clock.h"

/* struct tcache_perthread_struct with its header: 64 counters of 1 byte (2.26 to 2.29) or 2, and 64 lists. */
#define TCACHE_BLOCK_OLD 0x250
#define TCACHE_BLOCK     0x290

#define READ_AGAIN 3
#define CHAIN      8 /* blocks that must make sense in a row to go on from */
#define LOOK_EVERY 65536

struct header {
        uint64_t prev_size, size;
};

bool walk_get(struct walk *w, uint64_t address, void *to, size_t n)
{
        const struct range *range = ranges_find(w->tally->ranges, address);
        const void *data = window_at(w->window, address, n, range ? range->end : address + n);

        if (data)
                memcpy(to, data, n);
        return data != NULL;
}

static bool header_at(struct walk *w, uint64_t address, uint64_t end, struct header *ret)
{
        const struct header *h = window_at(w->window, address, sizeof(*h), end);

        if (h)
                *ret = *h;
        return h != NULL;
}

/* May a block of this heap begin so? */
static bool is_sane(const struct walk *w, const struct header *h, uint64_t address, uint64_t end)
{
        uint64_t size = h->size & ~CHUNK_FLAGS;

        if (h->size & CHUNK_MMAPPED || size % 16 != 0 || size < CHUNK_MIN || size > end - address)
                return false;
        return w->non_main || !(h->size & CHUNK_NON_MAIN);
}

/* A free block's size stands behind it, too. */
static bool follows(const struct header *block, const struct header *next)
{
        return next->size & CHUNK_PREV_INUSE || next->prev_size == (block->size & ~CHUNK_FLAGS);
}

static bool is_chain(struct walk *w, uint64_t address, uint64_t end, uint64_t top)
{
        struct header h, next;

        if (!header_at(w, address, end, &h))
                return false;
        for (unsigned i = 0; i < CHAIN; i++) {
                if (address == top)
                        return true;
                if (!is_sane(w, &h, address, end))
                        return false;
                address += h.size & ~CHUNK_FLAGS;
                if (address == end)
                        return true;
                if (!header_at(w, address, end, &next) || !follows(&h, &next))
                        return false;
                h = next;
        }
        return true;
}

/* The next place before `until` from where the blocks make sense, which reach as far as `end`; or `until`. */
static uint64_t resume_at(struct walk *w, uint64_t address, uint64_t until, uint64_t end, uint64_t top)
{
        unsigned looked = 0;

        for (address += 16; address < until; address += 16) {
                if (!window_at(w->window, address, sizeof(struct header), end))
                        address |= w->window->page_size - 16; /* this page is not there */
                else if (is_chain(w, address, end, top))
                        return address;
                if (++looked % LOOK_EVERY == 0 && clock_monotonic_ns() > w->deadline_ns) {
                        w->late = true;
                        break;
                }
        }
        return until;
}

static void count_free(struct walk *w, uint64_t address, uint64_t size, struct heap_sums *sums)
{
        uint64_t page = w->window->page_size, first = (address + 4 * 8 + 16 + page - 1) & ~(page - 1),
                 last = (address + size) & ~(page - 1);

        sums->free += size;
        sums->blocks_free++;
        sums->trimmable += last > first ? last - first : 0;
        if (size > sums->free_largest)
                sums->free_largest = size;
}

static void count_in_use(struct walk *w, uint64_t address, uint64_t size, uint64_t word,
                         struct heap_sums *sums)
{
        sums->in_use += size;
        sums->blocks_in_use++;
        tally_add(w->tally, size, word, address + CHUNK_HEADER);
        if ((size == TCACHE_BLOCK || size == TCACHE_BLOCK_OLD) && w->n_tcaches < TCACHES_MAX)
                w->tcaches[w->n_tcaches++] = address;
}

/* One block.  Returns its size; 0: it makes no sense; UINT64_MAX: the heap ends here. */
static uint64_t step(struct walk *w, uint64_t address, uint64_t end, struct heap_sums *sums)
{
        struct header h, next;
        const uint64_t *word;
        uint64_t size, first = 0;

        if (!header_at(w, address, end, &h))
                return 0;
        size = h.size & ~CHUNK_FLAGS;
        /* What glibc puts at the end of a heap that is not the last: 16 bytes, then a size of 0. */
        if (size <= 16 && end - address <= 4096)
                return UINT64_MAX;
        /* And where a stretch of the main arena ends and another may follow: two blocks of 16. */
        if (size == 16 && !w->non_main && (address + 32) % w->window->page_size == 0)
                return 32;
        if (!is_sane(w, &h, address, end))
                return 0;
        word = window_at(w->window, address + sizeof(h), sizeof(*word), end);
        if (word)
                first = *word;
        if (address + size == end) {
                count_in_use(w, address, size, first, sums);
                return size;
        }
        if (!header_at(w, address + size, end, &next) || !follows(&h, &next))
                return 0;
        if (next.size & CHUNK_PREV_INUSE)
                count_in_use(w, address, size, first, sums);
        else
                count_free(w, address, size, sums);
        return size;
}

/* The blocks that begin in [start, until), of a heap that ends at `end`, where the top begins. */
static void walk_blocks(struct walk *w, uint64_t start, uint64_t until, uint64_t end, uint64_t top,
                        struct heap_sums *sums)
{
        uint64_t at = start, blocks = 0;
        unsigned again = 0;

        while (at < until && !w->late) {
                uint64_t size = step(w, at, end, sums), next;

                if (size == UINT64_MAX)
                        return;
                if (size > 0) {
                        at += size;
                        again = 0;
                        w->late = ++blocks % LOOK_EVERY == 0 && clock_monotonic_ns() > w->deadline_ns;
                        continue;
                }
                window_forget(w->window);
                if (again++ < READ_AGAIN)
                        continue;
                again = 0;
                next = resume_at(w, at, until, end, top);
                sums->torn++;
                sums->unseen += next - at;
                at = next;
        }
        sums->unseen += at < until ? until - at : 0;
}

/* xorshift64: where to look must only not depend on what is there. */
static uint64_t random_next(struct walk_sample *s)
{
        s->random ^= s->random << 13;
        s->random ^= s->random >> 7;
        s->random ^= s->random << 17;
        return s->random;
}

/* A block counts where it begins, so that each has the same chance; one that begins before its piece is another's. */
static void walk_pieces(struct walk *w, uint64_t start, uint64_t end, uint64_t top, struct heap_sums *sums)
{
        for (uint64_t stretch = start; stretch < end && !w->late; stretch += w->sample.stretch) {
                uint64_t at = (stretch + random_next(&w->sample) % w->sample.stretch) & ~UINT64_C(15);
                uint64_t until = at + SAMPLE_PIECE < end ? at + SAMPLE_PIECE : end, before = sums->in_use,
                         in_use;

                window_forget(w->window);
                if (at < end && at > start && !is_chain(w, at, end, top))
                        at = resume_at(w, at, until, end, top);
                if (at < until)
                        walk_blocks(w, at, until, end, top, sums);
                in_use = sums->in_use - before;
                w->sample.pieces++;
                w->sample.sum += (double)in_use;
                w->sample.squares += (double)in_use * (double)in_use;
                w->late = w->late || clock_monotonic_ns() > w->deadline_ns;
        }
}

/* Newton's; the capturing half does without libm. */
static double root(double x)
{
        double y = x > 1 ? x : 1;

        for (unsigned i = 0; i < 200; i++)
                y = (y + x / y) / 2;
        return y;
}

uint64_t walk_sample_error(const struct walk_sample *s)
{
        double n = (double)s->pieces, mean = n > 0 ? s->sum / n : 0, variance;

        if (s->pieces < 2)
                return 0;
        variance = (s->squares / n - mean * mean) * n / (n - 1);
        return variance > 0
                       ? (uint64_t)(1.96 * root(variance * n) * (double)s->stretch / (double)SAMPLE_PIECE)
                       : 0;
}

void walk_heap(struct walk *w, uint64_t start, uint64_t end, uint64_t top, struct heap_sums *sums)
{
        if (top >= start && top < end)
                end = top;
        window_forget(w->window);
        if (w->sample.stretch)
                walk_pieces(w, start, end, top, sums);
        else
                walk_blocks(w, start, end, end, top, sums);
}

bool walk_begins(struct walk *w, uint64_t address, uint64_t end, uint64_t top)
{
        struct header h;

        return header_at(w, address, end, &h) && h.size & CHUNK_PREV_INUSE && is_chain(w, address, end, top);
}

/* The first page, from `address` on, that blocks begin at; `end`: none. */
static uint64_t stretch_at(struct walk *w, uint64_t address, uint64_t end, uint64_t top)
{
        uint64_t page = w->window->page_size;

        window_forget(w->window);
        for (address = (address + page - 1) & ~(page - 1); address < end && !w->late; address += page) {
                if (walk_begins(w, address, end, top))
                        return address;
                w->late = address / page % 1024 == 0 && clock_monotonic_ns() > w->deadline_ns;
        }
        return end;
}

static uint64_t seen(const struct heap_sums *sums)
{
        return sums->in_use + sums->free;
}

/* One stretch lies behind the other, the newest first; the one that is used up last has the top. */
static void walk_range(struct walk *w, const struct range *range, uint64_t top, struct heap_sums *sums)
{
        uint64_t at = stretch_at(w, range->start, range->end, top);
        struct header h;

        while (at < range->end && !w->late) {
                walk_heap(w, at, range->end, top, sums);
                if (top < at || top >= range->end || !header_at(w, top, range->end, &h))
                        return;
                at = top + (h.size & ~CHUNK_FLAGS);
                top = 0;
                at = stretch_at(w, at, range->end, top);
        }
}

void walk_mapped(struct walk *w, uint64_t top, uint64_t wanted, struct heap_sums *sums)
{
        /* Two blocks of 16 bytes at the end of each stretch are nobody's. */
        uint64_t before = seen(sums), enough = wanted - wanted / 1024;

        w->non_main = false;
        for (size_t i = w->tally->ranges->n; i > 0 && !w->late && seen(sums) - before < enough; i--) {
                const struct range *range = &w->tally->ranges->list[i - 1];

                if (range->anonymous && range->writable && !range->heap && !range->stack && !range->module)
                        walk_range(w, range, top, sums);
        }
}
