/* SPDX-License-Identifier: MIT */
/* Heaps that are not glibc's: other allocators and language runtimes, by their own figures.
 *
 *     CPython 3.10 or later    9.00 MiB held, 8.42 MiB in use in 129,510 blocks, 559 KiB free
 *      1.43 MiB  22,973 x str
 */
#include <string.h>

#include "render/text/first.h"

#define FIRST_ROWS 3
#define TYPE_ROWS  12
#define SIZE_ROWS  8

static void add_part(const struct text *t, uint64_t bytes, const char *what)
{
        if (bytes == REPORT_UNKNOWN)
                return;
        buf_str(t->out, ", ");
        text_size(t, bytes);
        buf_str(t->out, what);
}

/* "jemalloc 5.3: 12.0 MiB held, 9.38 MiB in use in 129,965 blocks, …" */
static void add_heap(const struct text *t, const struct report_other_heap *h)
{
        char count[COUNT_TEXT];

        text_escaped(t, h->name, 20);
        if (h->version) {
                buf_char(t->out, ' ');
                text_escaped(t, h->version, 40);
        }
        buf_str(t->out, ": ");
        if (h->system != REPORT_UNKNOWN || !h->refused) {
                text_size(t, h->system);
                buf_str(t->out, " held");
        }
        add_part(t, h->in_use, " in use");
        if (h->blocks != REPORT_UNKNOWN && h->in_use != REPORT_UNKNOWN)
                buf_printf(t->out, " in %s blocks", text_count(h->blocks, count));
        add_part(t, h->free, " free");
        add_part(t, h->overhead, " of its own");
        add_part(t, h->returned, " without pages");
        if (h->refused) {
                buf_str(t->out, h->system != REPORT_UNKNOWN ? "; " : "");
                text_escaped(t, h->refused, 200);
        }
}

/* "44.2 MiB 30 %  721,514 x str" */
static void add_type(const struct text *t, const struct report_heap_type *type)
{
        char count[COUNT_TEXT];

        text_size_cell(t, type->live_bytes);
        buf_char(t->out, ' ');
        /* Parts of a heap may be mapped without being in memory. */
        if (type->live_bytes <= t->r->memory.rss)
                text_share(t, type->live_bytes, t->r->memory.rss);
        else
                buf_str(t->out, "     ");
        buf_printf(t->out, "  %s x ", text_count(type->live_objects, count));
        if (type->name)
                text_escaped(t, type->name, 100);
        else
                buf_str(t->out, "blocks of no known type");
        buf_char(t->out, '\n');
}

static void add_types(const struct text *t, const struct report_other_heap *h)
{
        size_t rows = text_rows(t, h->n_types, TYPE_ROWS);

        for (size_t i = 0; i < rows; i++)
                add_type(t, &h->types[i]);
        text_more(t, h->n_types - rows, "types");
}

/* The largest classes, by insertion. */
static size_t largest(const struct report_other_heap *h, const struct report_size_class **top)
{
        size_t n = 0;

        for (size_t i = 0; i < h->n_sizes; i++) {
                size_t at = n < SIZE_ROWS ? n++ : SIZE_ROWS;

                while (at > 0 && h->sizes[i].live_bytes > top[at - 1]->live_bytes) {
                        if (at < SIZE_ROWS)
                                top[at] = top[at - 1];
                        at--;
                }
                if (at < SIZE_ROWS)
                        top[at] = &h->sizes[i];
        }
        return n;
}

/* "237 MiB 94 %  50,990 blocks of 4.75 KiB" */
static void add_size(const struct text *t, const struct report_size_class *class)
{
        char count[COUNT_TEXT];

        text_size_cell(t, class->live_bytes);
        buf_char(t->out, ' ');
        text_share(t, class->live_bytes, t->r->memory.rss);
        buf_printf(t->out, "  %s block%s of ", text_count(class->live_objects, count),
                   class->live_objects == 1 ? "" : "s");
        if (class->size_max != REPORT_UNKNOWN)
                text_size(t, class->size_max);
        else
                buf_str(t->out, "larger sizes");
        buf_char(t->out, '\n');
}

static void add_sizes(const struct text *t, const struct report_other_heap *h)
{
        const struct report_size_class *top[SIZE_ROWS] = {0};

        for (size_t i = 0, n = largest(h, top); i < n; i++)
                add_size(t, top[i]);
}

/* What most of it is: types, or sizes where types are not known. */
static void add_first_rows(const struct text *t, const struct report_other_heap *h)
{
        const struct report_size_class *top[SIZE_ROWS] = {0};
        size_t n = h->n_types ? 0 : largest(h, top);

        for (size_t i = 0; i < h->n_types && i < FIRST_ROWS; i++)
                if (h->types[i].name && text_is_large(t, h->types[i].live_bytes)) {
                        text_label(t, "");
                        add_type(t, &h->types[i]);
                }
        for (size_t i = 0; i < n && i < FIRST_ROWS; i++)
                if (text_is_large(t, top[i]->live_bytes)) {
                        text_label(t, "");
                        add_size(t, top[i]);
                }
}

void text_first_heaps(const struct text *t)
{
        const struct report *r = t->r;

        for (size_t i = 0; i < r->n_heaps; i++) {
                size_t begin = text_begin(t);

                if (r->heaps[i].refused)
                        continue;
                text_label(t, "Heap");
                buf_char(t->out, ' ');
                add_heap(t, &r->heaps[i]);
                text_wrap(t, begin, LABEL_COLUMNS + 1);
                add_first_rows(t, &r->heaps[i]);
        }
}

void text_heaps(const struct text *t)
{
        const struct report *r = t->r;

        if (r->n_heaps == 0)
                return;
        text_title(t, "OTHER HEAPS",
                   "allocators that are not glibc's, and runtimes, by their own figures; shares are of RSS");
        for (size_t i = 0; i < r->n_heaps; i++) {
                size_t begin = text_begin(t);

                buf_str(t->out, "  ");
                add_heap(t, &r->heaps[i]);
                text_wrap(t, begin, 4);
                add_types(t, &r->heaps[i]);
                add_sizes(t, &r->heaps[i]);
        }
}
