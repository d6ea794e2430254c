/* SPDX-License-Identifier: MIT */
#include "census/census.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "census/cached.h"

/* libc's data with .bss has 60 KiB. */
#define DATA_MAX ((size_t)1 << 20)

#define HEAPS_MAX 65536

/* What an allocator holds that does not say: libc's own blocks, beside it, are less. */
#define OTHER_HEAP_BYTES ((uint64_t)4 << 20)

struct heap_info {
        uint64_t arena, prev, size, mprotect_size;
};

/* What a sample reads of a large heap. */
#define SAMPLE_BYTES ((uint64_t)64 << 20)

struct taking {
        enum census_how how;
        bool agent_knows;
        struct census *census;
        struct walk walk;
        struct window window;
        const struct remote_memory *memory;
        const struct glibc_layout *layout;
        uint64_t *words; /* libc's data */
        size_t n_words;
        struct glibc_totals totals;
        bool totals_known;
        const struct range *main_heap; /* [heap], or NULL */
};

static int refuse(struct census *c, const char *why)
{
        snprintf(c->refused, sizeof(c->refused), "%s", why);
        return 0;
}

static bool may_count(struct census *c, bool agent_knows)
{
        if (agent_knows)
                refuse(c, "not needed: the agent in the process knows who allocated what");
        else if (!c->ranges.glibc)
                refuse(c, "not understood: no libc.so of glibc is loaded (a static program, or another C "
                          "library)");
        return c->refused[0] == '\0';
}

/* Another allocator that is loaded need not be the one that serves the program (libc's malloc may be preloaded in front of it, or
 * it has only its own names): whoever holds more is looked into.  NULL: glibc. */
static const struct heap *larger_heap(const struct census *c, uint64_t glibc_bytes)
{
        for (size_t i = 0; i < c->n_heaps; i++) {
                const struct heap *h = &c->heaps[i];
                uint64_t holds = h->refused[0] ? HEAP_UNKNOWN : h->in_use;

                if (h->is_malloc && (holds == HEAP_UNKNOWN ? OTHER_HEAP_BYTES : holds) >= glibc_bytes)
                        return h;
        }
        return NULL;
}

/* Read the writable part of libc at ranges.list[i], .bss and all, into t->words.  Its address. */
static uint64_t read_data(struct taking *t, size_t i)
{
        const struct ranges *r = &t->census->ranges;
        uint64_t start = r->list[i].start, end = r->list[i].end;
        size_t bytes;

        for (size_t k = i + 1; k < r->n && r->list[k].module == r->list[i].module && r->list[k].writable &&
                               r->list[k].start == end;
             k++)
                end = r->list[k].end;
        bytes = end - start < DATA_MAX ? (size_t)(end - start) : DATA_MAX;
        t->n_words = remote_read(t->memory, start, t->words, bytes) / sizeof(*t->words);
        return start;
}

static bool find_main_arena(struct taking *t, struct glibc_arena *ret)
{
        const struct ranges *r = &t->census->ranges;

        for (size_t i = r->libc; i < r->n && r->list[i].module == r->list[r->libc].module; i++) {
                uint64_t address;

                if (!r->list[i].writable)
                        continue;
                address = read_data(t, i);
                t->layout = glibc_find_arena(t->words, t->n_words, address, ret);
                if (t->layout)
                        return true;
        }
        return false;
}

static void find_totals(struct taking *t)
{
        const struct ranges *r = &t->census->ranges;
        const struct range *heap = NULL;

        /* What brk(2) gave; in a main arena that never grew there is none. */
        for (size_t i = 0; i < r->n; i++)
                if (r->list[i].heap && !heap)
                        heap = &r->list[i];
        t->main_heap = heap;
        /* At its beginning, or behind what the program took with sbrk(2) first (or where huge pages begin). */
        if (heap)
                t->totals_known =
                        glibc_find_totals(t->words, t->n_words, heap->start, heap->start + 4096, &t->totals) ||
                        glibc_find_totals(t->words, t->n_words, heap->start + 4096, heap->end, &t->totals);
        t->census->mmapped_known = t->totals_known;
        t->census->mmapped = t->totals.mmapped_bytes;
        t->census->blocks_mmapped = t->totals.mmapped_blocks;
}

static void sums_add(struct heap_sums *to, const struct heap_sums *s)
{
        to->system += s->system;
        to->in_use += s->in_use;
        to->blocks_in_use += s->blocks_in_use;
        to->free += s->free;
        to->blocks_free += s->blocks_free;
        to->trimmable += s->trimmable;
        to->top += s->top;
        to->unseen += s->unseen;
        to->torn += s->torn;
        to->cached += s->cached;
        to->blocks_cached += s->blocks_cached;
        if (s->free_largest > to->free_largest)
                to->free_largest = s->free_largest;
}

static void count_top(struct taking *t, uint64_t top, struct heap_sums *sums)
{
        uint64_t header[2];

        if (walk_get(&t->walk, top, header, sizeof(header)))
                sums->top = header[1] & ~CHUNK_FLAGS;
}

/* From the first block that brk(2) gave to the top; where brk(2) could not grow, on in what mmap(2) gave. */
static void walk_main(struct taking *t, const struct glibc_arena *a, struct heap_sums *sums)
{
        uint64_t start = t->totals_known ? t->totals.sbrk_base : t->main_heap ? t->main_heap->start : 0;
        uint64_t walked, end = start + sums->system, heap_end = t->main_heap ? t->main_heap->end : start;
        bool contiguous;

        t->walk.non_main = false;
        /* It may have grown since its mapping was looked up. */
        if (end < heap_end)
                end = heap_end;
        contiguous = a->top >= start && a->top < end;
        if (t->main_heap && (contiguous || walk_begins(&t->walk, start, heap_end, a->top)))
                walk_heap(&t->walk, start, contiguous ? end : heap_end, a->top, sums);
        if (!contiguous && sums->system > heap_end - start)
                walk_mapped(&t->walk, a->top, sums->system - (heap_end - start), sums);
        if (t->walk.sample.stretch)
                return;
        walked = sums->in_use + sums->free + sums->top;
        if (!contiguous)
                sums->unseen = 0; /* what was passed over between the stretches is not the heap's */
        if (walked + sums->unseen < sums->system)
                sums->unseen = sums->system - walked;
}

/* Its heaps, from the one with the top back to the first, which holds the arena itself. */
static void walk_other(struct taking *t, const struct glibc_arena *a, struct heap_sums *sums)
{
        uint64_t first = a->address & ~(GLIBC_HEAP_MAX - 1), heap = a->top & ~(GLIBC_HEAP_MAX - 1),
                 info_bytes = a->address - first;

        t->walk.non_main = true;
        for (unsigned n = 0; heap != 0 && n < HEAPS_MAX && !t->walk.late; n++) {
                struct heap_info info;
                uint64_t start = heap + info_bytes;

                if (!walk_get(&t->walk, heap, &info, sizeof(info)) || info.arena != a->address ||
                    info.size > GLIBC_HEAP_MAX)
                        break;
                if (heap == first)
                        start = (a->address + (uint64_t)t->layout->words * 8 + 15) & ~UINT64_C(15);
                walk_heap(&t->walk, start, heap + info.size, a->top, sums);
                if (heap == first)
                        break;
                heap = info.prev;
        }
}

/* What was counted in the pieces; what an arena says of itself stays. */
static void sums_scale(struct heap_sums *s, double factor)
{
        uint64_t *const counted[] = {&s->in_use,      &s->blocks_in_use, &s->free,
                                     &s->blocks_free, &s->trimmable,     &s->unseen};

        for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
                *counted[i] = (uint64_t)((double)*counted[i] * factor + 0.5);
}

static void take_arena(struct taking *t, const struct glibc_arena *a, bool is_main)
{
        struct census *c = t->census;
        struct census_arena *out = &c->arenas[c->n_arenas++];

        *out = (struct census_arena){.address = a->address, .main = is_main, .sums.system = a->system_mem};
        count_top(t, a->top, &out->sums);
        if (is_main)
                walk_main(t, a, &out->sums);
        else
                walk_other(t, a, &out->sums);
        if (t->walk.sample.stretch) {
                sums_scale(&out->sums, (double)t->walk.sample.stretch / (double)SAMPLE_PIECE);
                sums_add(&c->sums, &out->sums);
                return;
        }
        cached_take_fastbins(&t->walk, a, &out->sums);
        /* A thread's cache lies in its arena, but may hold blocks of others: the sum over all is right. */
        cached_take_tcaches(&t->walk, &out->sums);
        sums_add(&c->sums, &out->sums);
}

/* The next arena of the list, into *inout; false: it is the last, or it makes no sense. */
static bool next_arena(struct taking *t, const struct glibc_arena *main_arena, struct glibc_arena *inout)
{
        uint64_t words[300], address = inout->next;
        size_t bytes = (size_t)t->layout->words * sizeof(*words);

        if (address == main_arena->address)
                return false;
        if (address % GLIBC_HEAP_MAX > 256 || !walk_get(&t->walk, address, words, bytes) ||
            !glibc_arena_parse(t->layout, words, address, inout)) {
                t->census->sums.torn++;
                return false;
        }
        return true;
}

static uint64_t all_system(struct taking *t, const struct glibc_arena *main_arena)
{
        struct glibc_arena a = *main_arena;
        uint64_t system = a.system_mem;

        for (size_t n = 1; n < CENSUS_ARENAS_MAX && next_arena(t, main_arena, &a); n++)
                system += a.system_mem;
        return system;
}

/* All arenas together are worth SAMPLE_BYTES of reading; what is not much more is read as a whole. */
static void choose_sample(struct taking *t, uint64_t system)
{
        if (system < (t->how == CENSUS_SAMPLE ? 2 * SAMPLE_BYTES : CENSUS_FULL_MAX) || system > UINT64_C(1)
                                                                                                        << 48)
                return;
        t->walk.sample.stretch = system / (SAMPLE_BYTES / SAMPLE_PIECE);
        t->walk.sample.random = clock_monotonic_ns() | 1;
}

static void take_arenas(struct taking *t, const struct glibc_arena *main_arena)
{
        struct glibc_arena a = *main_arena;

        take_arena(t, &a, true);
        while (t->census->n_arenas < CENSUS_ARENAS_MAX && !t->walk.late && next_arena(t, main_arena, &a))
                take_arena(t, &a, false);
        if (t->walk.sample.stretch) {
                tally_scale(&t->census->tally, (double)t->walk.sample.stretch / (double)SAMPLE_PIECE);
                t->census->sample_pieces = t->walk.sample.pieces;
                t->census->sample_error = walk_sample_error(&t->walk.sample);
        }
}

static int take(struct taking *t)
{
        struct glibc_arena main_arena;
        struct census *c = t->census;
        const struct heap *larger;
        uint64_t system = 0;
        bool found;

        if (!may_count(c, t->agent_knows))
                return 0;
        t->words = malloc(DATA_MAX);
        if (!t->words)
                return -ENOMEM;
        found = find_main_arena(t, &main_arena);
        if (found) {
                find_totals(t);
                system = all_system(t, &main_arena);
        }
        larger = larger_heap(c, system + t->totals.mmapped_bytes);
        if (larger) {
                snprintf(c->refused, sizeof(c->refused), "not used: the allocator is %s", larger->name);
                return 0;
        }
        if (!found)
                return refuse(c, "glibc's main arena was not found in libc's data: nothing allocated yet, "
                                 "memory that may not "
                                 "be read, or a version that is not known");
        c->versions = t->layout->versions;
        c->sums.torn = 0; /* counted again as they are taken */
        if (t->how != CENSUS_FULL)
                choose_sample(t, system);
        take_arenas(t, &main_arena);
        c->late = t->walk.late;
        c->bytes_read = t->window.bytes_read;
        c->swapped_pages = t->window.swapped;
        return 0;
}

/* The other heaps leave half of the time to glibc's. */
static uint64_t half_way(uint64_t now_ns, uint64_t deadline_ns)
{
        return deadline_ns > now_ns ? now_ns + (deadline_ns - now_ns) / 2 : now_ns;
}

int census_take(const struct census_request *request, struct census **ret)
{
        uint64_t begin_ns = clock_monotonic_ns();
        struct census *c = calloc(1, sizeof(*c));
        struct taking *t = calloc(1, sizeof(*t));
        int r = c && t ? ranges_make(request->maps, &c->ranges) : -ENOMEM;

        if (r == 0)
                r = heaps_take(&(struct heap_look){.memory = request->memory,
                                                   .ranges = &c->ranges,
                                                   .pagemap_fd = request->pagemap_fd,
                                                   .deadline_ns = half_way(begin_ns, request->deadline_ns)},
                               &c->heaps, &c->n_heaps);
        if (r == 0)
                r = tally_make(&c->ranges, &c->tally);
        if (r == 0)
                r = window_make(request->memory, request->pagemap_fd, &t->window);
        if (r == 0) {
                t->census = c;
                t->how = request->how;
                t->agent_knows = request->agent_knows;
                t->memory = request->memory;
                t->walk = (struct walk){
                        .window = &t->window, .tally = &c->tally, .deadline_ns = request->deadline_ns};
                r = take(t);
                free(t->words);
        }
        if (t)
                window_done(&t->window);
        free(t);
        if (r < 0) {
                census_free(c);
                return r;
        }
        c->duration_ns = clock_monotonic_ns() - begin_ns;
        *ret = c;
        return 0;
}

void census_free(struct census *c)
{
        if (!c)
                return;
        heaps_free(c->heaps, c->n_heaps);
        tally_done(&c->tally);
        ranges_done(&c->ranges);
        free(c);
}
