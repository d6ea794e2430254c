/* SPDX-License-Identifier: MIT */
/* The heap as it was counted from outside: what its blocks begin with, their sizes, and what is free.
 *
 *     112 MiB  41 %  1,234,567 x shop::Order, each at most 96 B
 *
 * A census knows what a block is, not who allocated it: that takes the agent.  Where one came late, both are there. */
#include <string.h>

#include "render/stack_brief.h"
#include "render/text/first.h"

#define FIRST_ROWS      4
#define TYPE_ROWS       20
#define TYPE_ROWS_LEAST 5
#define SIZE_ROWS       12
#define NAME_WORDS      60

static const struct {
        const char *kind, *text;
} others[] = {
        {"heap", "the address of another block: lists, trees, buffers of pointers"},
        {"zero", "zeroes"},
        {"text", "text"},
        {"other", "some other value"},
};

/* "shop::Order", "blocks that begin with the address of libfoo.so+0x1234", "block that begins with text" */
static void add_name(const struct text *t, const struct report_type *type, size_t words)
{
        if (strcmp(type->kind, "type") != 0)
                buf_str(t->out,
                        type->live_objects == 1 ? "block that begins with " : "blocks that begin with ");
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (strcmp(type->kind, others[i].kind) == 0) {
                        buf_str(t->out, others[i].text);
                        return;
                }
        if (strcmp(type->kind, "type") != 0)
                buf_str(t->out,
                        strcmp(type->kind, "function") == 0 ? "the address of function " : "the address of ");
        if (type->name) {
                text_escaped(t, type->name, words);
        } else if (type->module) {
                text_escaped_tail(t, path_base(type->module), words);
                if (type->module_offset != REPORT_UNKNOWN)
                        buf_printf(t->out, "+%#llx", (unsigned long long)type->module_offset);
        } else {
                buf_printf(t->out, "%#llx", (unsigned long long)type->word);
        }
}

/* How large they are.  One large block among many small ones would tell nothing of these. */
static void add_each(const struct text *t, const struct report_type *type)
{
        uint64_t average = type->live_objects ? type->live_bytes / type->live_objects : 0;

        if (type->live_objects == 1) {
                buf_str(t->out, ", at most ");
        } else if (average < type->size_max / 2) {
                buf_str(t->out, ", ");
                text_size(t, average);
                buf_str(t->out, " on average, at most ");
        } else {
                buf_str(t->out, ", each at most ");
        }
        text_size(t, type->size_max);
}

static void add_type(const struct text *t, const struct report_type *type, size_t words)
{
        char count[COUNT_TEXT];

        text_size_cell(t, type->live_bytes);
        buf_char(t->out, ' ');
        text_share(t, type->live_bytes, t->r->memory.rss);
        buf_printf(t->out, "  %s x ", text_count(type->live_objects, count));
        add_name(t, type, words);
        add_each(t, type);
}

/* On the first screen only what has a name, or is a large share: that there are strings is no news. */
static bool is_telling(const struct report *r, const struct report_type *type)
{
        return type->name ||
               (r->census.in_use != REPORT_UNKNOWN && type->live_bytes > r->census.in_use / 4);
}

void text_first_census(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = 0;

        for (size_t i = 0; i < r->heap.n_types && shown < FIRST_ROWS; i++) {
                size_t begin = text_begin(t);

                if (!is_telling(r, &r->heap.types[i]) || !text_is_large(t, r->heap.types[i].live_bytes))
                        continue;
                text_label(t, shown ? "" : r->heap.n_places ? "Types" : "Heap");
                add_type(t, &r->heap.types[i], NAME_WORDS);
                text_wrap(t, begin, LABEL_COLUMNS + SIZE_COLUMNS + 8);
                shown++;
        }
}

static void add_free(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);

        buf_str(t->out, "  Free, but held by the allocator: ");
        text_size(t, r->census.free_held);
        if (r->memory.rss != REPORT_UNKNOWN && r->memory.rss > 0)
                buf_printf(t->out, " (%.0f %% of RSS)",
                           100 * (double)r->census.free_held / (double)r->memory.rss);
        buf_str(t->out, " at most, the largest block ");
        text_size(t, r->census.free_largest);
        buf_str(t->out, "; malloc_trim(3) could give back ");
        text_size(t, r->census.trimmable);
        buf_str(t->out, " and ");
        text_size(t, r->census.top);
        buf_str(t->out, " at the top; the rest is pinned by blocks in use on the same pages.");
        text_wrap(t, begin, 4);
}

static void add_seen(const struct text *t)
{
        const struct report *r = t->r;
        size_t begin = text_begin(t);

        buf_str(t->out, "  Seen: ");
        text_size(t, r->census.system > r->census.unseen ? r->census.system - r->census.unseen : 0);
        buf_str(t->out, " of ");
        text_size(t, r->census.system);
        buf_str(t->out, " (glibc ");
        text_escaped(t, r->census.layout, 40);
        buf_str(t->out, ")");
        if (r->census.sample_error != REPORT_UNKNOWN) {
                buf_printf(t->out, "; estimated from %llu samples of 256 KiB: bytes in use ± ",
                           (unsigned long long)r->census.sample_pieces);
                text_size(t, r->census.sample_error);
                buf_str(t->out, " in 19 of 20 cases");
        }
        if (r->census.swapped_pages > 0 && r->census.swapped_pages != REPORT_UNKNOWN)
                buf_printf(t->out, "; %llu pages in swap were left there",
                           (unsigned long long)r->census.swapped_pages);
        if (r->memory.rss != REPORT_UNKNOWN && r->census.in_use != REPORT_UNKNOWN &&
            r->census.in_use > r->memory.rss)
                buf_str(t->out, "; the process grew meanwhile, RSS was read before");
        buf_str(t->out, r->census.complete ? "." : "; the time for it was used up.");
        text_wrap(t, begin, 4);
}

static void add_sizes(const struct text *t)
{
        const struct report *r = t->r;
        struct report_size_class top[SIZE_ROWS];
        char count[COUNT_TEXT];
        size_t n = 0;

        /* The largest, by insertion. */
        for (size_t i = 0; i < r->heap.n_sizes; i++) {
                size_t at = n < SIZE_ROWS ? n++ : SIZE_ROWS;

                while (at > 0 && r->heap.sizes[i].live_bytes > top[at - 1].live_bytes) {
                        if (at < SIZE_ROWS)
                                top[at] = top[at - 1];
                        at--;
                }
                if (at < SIZE_ROWS)
                        top[at] = r->heap.sizes[i];
        }
        if (n > 0)
                buf_str(t->out, "\n  By size, the classes that hold most:\n");
        for (size_t i = 0; i < n; i++) {
                text_size_cell(t, top[i].live_bytes);
                buf_char(t->out, ' ');
                text_share(t, top[i].live_bytes, r->memory.rss);
                buf_printf(t->out, "  %s block%s of at most ", text_count(top[i].live_objects, count),
                           top[i].live_objects == 1 ? "" : "s");
                text_size(t, top[i].size_max);
                buf_char(t->out, '\n');
        }
}

void text_census(const struct text *t)
{
        const struct report *r = t->r;
        size_t rows = text_rows(t, r->heap.n_types, TYPE_ROWS);

        if (!r->census.layout)
                return;
        /* A long tail of single blocks is no news. */
        while (!t->style->all && rows > TYPE_ROWS_LEAST &&
               r->heap.types[rows - 1].live_bytes < r->census.in_use / 1000)
                rows--;
        text_title(t, "HEAP", "counted from outside: what the blocks in use begin with; shares are of RSS");
        add_seen(t);
        add_free(t);
        for (size_t i = 0; i < rows; i++) {
                size_t begin = text_begin(t);

                add_type(t, &r->heap.types[i], 200);
                text_wrap(t, begin, SIZE_COLUMNS + 8);
                if (r->heap.types[i].contents) {
                        buf_printf(t->out, "%*s", SIZE_COLUMNS + 8, "");
                        buf_str(t->out, "one of them: ");
                        text_escaped(t, r->heap.types[i].contents, 4 * 64);
                        buf_char(t->out, '\n');
                }
        }
        text_more(t, r->heap.n_types - rows, "types");
        add_sizes(t);
}
