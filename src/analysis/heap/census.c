/* SPDX-License-Identifier: MIT */
#include "analysis/heap/census.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/heap/heaps.h"
#include "analysis/key_value.h"
#include "analysis/tsv.h"
#include "bundle/reader.h"

/* "totals.tsv": a value for each name. */
static void parse_totals(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"what", "value"};
        const struct {
                const char *what;
                uint64_t *to;
        } numbers[] = {{"mmapped", &r->malloc.mmapped},
                       {"bytes_read", &r->census.read},
                       {"swapped_pages", &r->census.swapped_pages},
                       {"duration_ns", &r->census.duration_ns},
                       {"sample_pieces", &r->census.sample_pieces},
                       {"sample_error", &r->census.sample_error}};
        struct scan cells[2];
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return;
        while (tsv_next(&t, cells)) {
                for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                        if (scan_is(&cells[0], numbers[i].what))
                                *numbers[i].to = tsv_number(&cells[1]);
                if (scan_is(&cells[0], "allocator"))
                        r->malloc.allocator = tsv_text(&cells[1], &r->pool);
                else if (scan_is(&cells[0], "layout"))
                        r->census.layout = tsv_text(&cells[1], &r->pool);
        }
}

static int by_in_use(const void *a, const void *b)
{
        const struct report_arena *x = a, *y = b;

        if (x->in_use != y->in_use)
                return x->in_use > y->in_use ? -1 : 1;
        return (x->number > y->number) - (x->number < y->number);
}

/* "arenas.tsv": into the sums, and a row for each. */
static int parse_arenas(const char *text, size_t len, struct report *r)
{
        enum {
                NUMBER,
                SYSTEM,
                IN_USE,
                IN_USE_BLOCKS,
                FREE,
                FREE_BLOCKS,
                LARGEST,
                TRIMMABLE,
                CACHED,
                TOP,
                UNSEEN,
                COLUMNS
        };
        static const char *const columns[] = {"arena",  "system",      "in_use",       "in_use_blocks",
                                              "free",   "free_blocks", "free_largest", "trimmable",
                                              "cached", "top",         "unseen"};
        struct report_arena *list = NULL;
        struct scan cells[COLUMNS];
        size_t n = 0, room = 0;
        struct tsv t;

        if (tsv_begin(text, len, columns, COLUMNS, &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                uint64_t v[COLUMNS], free_held;

                for (unsigned i = 0; i < COLUMNS; i++)
                        v[i] = tsv_number(&cells[i]);
                free_held = amount_sum(amount_sum(v[FREE], v[CACHED]), v[TOP]);
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_arena){.number = v[NUMBER],
                                                  .in_use = v[IN_USE],
                                                  .free_held = free_held,
                                                  .mmapped = REPORT_UNKNOWN,
                                                  .top = v[TOP]};
                amount_add(&r->census.system, v[SYSTEM]);
                amount_add(&r->census.in_use, v[IN_USE]);
                amount_add(&r->census.blocks_in_use, v[IN_USE_BLOCKS]);
                amount_add(&r->census.free, v[FREE]);
                amount_add(&r->census.blocks_free, v[FREE_BLOCKS]);
                amount_add(&r->census.cached, v[CACHED]);
                amount_add(&r->census.trimmable, v[TRIMMABLE]);
                amount_add(&r->census.top, v[TOP]);
                amount_add(&r->census.unseen, v[UNSEEN]);
                if (amount_known(v[LARGEST]) &&
                    (!amount_known(r->census.free_largest) || v[LARGEST] > r->census.free_largest))
                        r->census.free_largest = v[LARGEST];
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), by_in_use);
        r->malloc.arenas = list;
        r->malloc.n_arena_rows = n;
        r->malloc.n_arenas = n;
        return 0;
}

static int parse_sizes(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"size_max", "blocks", "bytes"};
        struct report_size_class *list = NULL;
        struct scan cells[ARRAY_SIZE(columns)];
        size_t n = 0, room = 0;
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_size_class){
                        .size_max = tsv_number(&cells[0]),
                        .live_objects = tsv_number(&cells[1]),
                        .live_bytes = tsv_number(&cells[2]),
                };
        }
        r->heap.sizes = list;
        r->heap.n_sizes = n;
        return 0;
}

static int by_kind_and_word(const void *a, const void *b)
{
        const struct report_type *x = a, *y = b;
        int order = strcmp(x->kind, y->kind);

        return order ? order : (x->word > y->word) - (x->word < y->word);
}

static int by_bytes(const void *a, const void *b)
{
        const struct report_type *x = a, *y = b;

        if (x->live_bytes != y->live_bytes)
                return x->live_bytes > y->live_bytes ? -1 : 1;
        return by_kind_and_word(a, b);
}

/* One row for each kind and word, whatever the sizes. */
static size_t merge_sizes(struct report_type *list, size_t n)
{
        size_t out = 0;

        if (n > 0)
                qsort(list, n, sizeof(*list), by_kind_and_word);
        for (size_t i = 0; i < n; i++) {
                struct report_type *before = out > 0 ? &list[out - 1] : NULL;

                if (!before || by_kind_and_word(before, &list[i]) != 0) {
                        list[out++] = list[i];
                        continue;
                }
                amount_add(&before->live_bytes, list[i].live_bytes);
                amount_add(&before->live_objects, list[i].live_objects);
                if (!before->contents)
                        before->contents = list[i].contents;
                if (list[i].size_max > before->size_max)
                        before->size_max = list[i].size_max;
        }
        if (out > 0)
                qsort(list, out, sizeof(*list), by_bytes);
        return out;
}

/* One of those that the report knows: the bundle may say anything. */
static const char *kind_of(const struct scan *cell)
{
        static const char *const kinds[][2] = {{"module", "data"},
                                               {"function", "function"},
                                               {"heap", "heap"},
                                               {"zero", "zero"},
                                               {"text", "text"}};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (scan_is(cell, kinds[i][0]))
                        return kinds[i][1];
        return "other";
}

static int parse_objects(const char *text, size_t len, struct report *r)
{
        static const char *const columns[] = {"kind", "word", "size_max", "blocks", "bytes", "contents"};
        struct scan cells[ARRAY_SIZE(columns)];
        struct report_type *list = NULL;
        size_t n = 0, room = 0;
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                struct report_type type = {.word = tsv_number(&cells[1]),
                                           .size_max = tsv_number(&cells[2]),
                                           .live_objects = tsv_number(&cells[3]),
                                           .live_bytes = tsv_number(&cells[4]),
                                           .module_offset = REPORT_UNKNOWN};

                if (!amount_known(type.size_max) || !amount_known(type.live_bytes) ||
                    scan_left(&cells[0]) == 0)
                        continue;
                type.kind = kind_of(&cells[0]);
                /* With its escapes: a zero byte ends no contents. */
                if (scan_left(&cells[5]) > 0 && !scan_is(&cells[5], "-"))
                        type.contents = pool_strndup(&r->pool, cells[5].at, scan_left(&cells[5]));
                list = pool_grow(&r->pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = type;
        }
        r->heap.types = list;
        r->heap.n_types = merge_sizes(list, n);
        return 0;
}

/* Of no census: nothing is known. */
static void forget(struct report *r)
{
        r->census.layout = NULL;
        r->census.complete = false;
        r->census.system = r->census.in_use = r->census.free = r->census.cached = r->census.top =
                r->census.free_held = r->census.free_largest = r->census.trimmable = r->census.unseen = r->census.blocks_in_use =
                        r->census.blocks_free = r->census.swapped_pages = r->census.read =
                                r->census.duration_ns = r->census.sample_pieces = r->census.sample_error =
                                        REPORT_UNKNOWN;
}

/* Of the whole heap, at this moment. */
static void tell_malloc(struct report *r)
{
        r->malloc.counted = true;
        r->malloc.time_ns = r->time_ns;
        r->malloc.in_use = r->census.in_use;
        if (amount_known(r->malloc.mmapped))
                amount_add(&r->malloc.in_use, r->malloc.mmapped);
        r->malloc.free_held = r->census.free_held;
        r->malloc.top = r->census.top;
}

/* Who holds it a census does not know. */
static void tell_heap(struct report *r)
{
        r->heap.source = "census";
        r->heap.live_bytes = r->malloc.in_use;
        r->heap.live_objects = r->census.blocks_in_use;
        r->heap.sample_bytes = r->heap.allocated_bytes = r->heap.samples = REPORT_UNKNOWN;
        r->heap.injected_ns = r->heap.detached_ns = REPORT_UNKNOWN;
}

/* jemalloc's, tcmalloc's or mimalloc's totals, where one of them is malloc(3). */
static void tell_other_malloc(struct report *r)
{
        const struct report_other_heap *h = heaps_malloc(r);

        if (!h)
                return;
        r->malloc.allocator = h->name;
        r->malloc.time_ns = r->time_ns;
        r->malloc.in_use = h->in_use;
        r->malloc.free_held = h->free;
        r->malloc.mmapped = r->malloc.top = r->malloc.resident = REPORT_UNKNOWN;
        r->malloc.n_arenas = REPORT_UNKNOWN;
}

int census_fill(struct source *s, struct report *r)
{
        static const struct {
                const char *name;
                int (*parse)(const char *text, size_t len, struct report *r);
        } tables[] = {{"arenas", parse_arenas}, {"sizes", parse_sizes}, {"objects", parse_objects}};
        const __typeof__(r->malloc) its_word = r->malloc; /* the agent's, of some moments ago */
        _cleanup_buf_ struct buf b = BUF_GROWING(SECTION_MAX);
        char path[64];
        int ret = 0;

        forget(r);
        r->malloc.counted = false;
        /* glibc's is there only when it holds more than the others. */
        if (source_read(s, &b, true, "proc/%d/census/totals.tsv", s->pid) < 0) {
                if (!r->heap.source && !r->malloc.allocator)
                        tell_other_malloc(r);
                return 0;
        }
        r->malloc.mmapped = r->malloc.resident = REPORT_UNKNOWN;
        r->census.complete = true;
        parse_totals(b.data, b.len, r);
        for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(tables); i++) {
                snprintf(path, sizeof(path), "proc/%d/census/%s.tsv", s->pid, tables[i].name);
                r->census.complete &= manifest_section_ok(&s->manifest, path);
                if (source_read(s, &b, true, "%s", path) == 0)
                        ret = tables[i].parse(b.data, b.len, r);
        }
        if (ret < 0)
                return ret;
        r->census.free_held = amount_sum(amount_sum(r->census.free, r->census.cached), r->census.top);
        if (!r->census.complete && its_word.allocator && amount_known(its_word.time_ns))
                r->malloc = its_word;
        else
                tell_malloc(r);
        if (!r->heap.source)
                tell_heap(r);
        return 0;
}
