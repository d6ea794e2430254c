/* SPDX-License-Identifier: MIT */
/* The machine's memory. */
#include <string.h>

#include "render/text/text.h"

#define SLAB_ROWS    10
#define CELL_COLUMNS 24 /* "MemAvailable   23.0 GiB " */

static uint64_t meminfo(const struct report *r, const char *key)
{
        for (size_t i = 0; i < r->system.n_meminfo; i++)
                if (strcmp(r->system.meminfo[i].key, key) == 0)
                        return r->system.meminfo[i].value;
        return REPORT_UNKNOWN;
}

static void add_meminfo(const struct text *t)
{
        static const char *const keys[] = {
                "MemTotal",    "MemAvailable", "MemFree",     "AnonPages",    "AnonHugePages", "Cached",
                "Shmem",       "Mlocked",      "Slab",        "SReclaimable", "SUnreclaim",    "PageTables",
                "KernelStack", "Dirty",        "Writeback",   "SwapTotal",    "SwapFree",      "Committed_AS",
                "CommitLimit", "Hugetlb",      "VmallocUsed", "Percpu"};
        size_t in_line = (t->style->width - 2) / CELL_COLUMNS, count = 0;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                uint64_t value = meminfo(t->r, keys[i]);

                if (value == REPORT_UNKNOWN)
                        continue;
                if (count > 0 && count % in_line == 0)
                        buf_char(t->out, '\n');
                text_pad(t, 2 + count++ % in_line * CELL_COLUMNS);
                buf_printf(t->out, "%-13s", keys[i]);
                text_size_cell(t, value);
        }
        if (count > 0)
                buf_char(t->out, '\n');
}

static void add_where(const struct text *t)
{
        const struct report_system *s = &t->r->system;
        uint64_t total = meminfo(t->r, "MemTotal");

        size_t begin = text_begin(t);

        if (s->n_where == 0)
                return;
        buf_str(t->out, "  where all of it is; the rows add up to MemTotal, ");
        text_size(t, total);
        if (s->counted_twice > 0 && s->counted_twice != REPORT_UNKNOWN) {
                buf_str(t->out, ", and ");
                text_size(t, s->counted_twice);
                buf_str(t->out, " more that are in two of them");
        }
        buf_char(t->out, ':');
        text_wrap(t, begin, 4);
        for (size_t i = 0; i < s->n_where; i++) {
                buf_str(t->out, "  ");
                text_size_cell(t, s->where[i].bytes);
                buf_char(t->out, ' ');
                text_share(t, s->where[i].bytes, total);
                buf_str(t->out, "  ");
                text_escaped(t, s->where[i].what, text_left(t));
                buf_char(t->out, '\n');
        }
        if (s->lru != REPORT_UNKNOWN && s->slab != REPORT_UNKNOWN && s->slab > 0) {
                begin = text_begin(t);
                buf_str(t->out, "  LRU (pages of processes and files) to slab (the kernel's caches): ");
                text_size(t, s->lru);
                buf_str(t->out, " to ");
                text_size(t, s->slab);
                buf_printf(t->out, ", %.1f : 1", (double)s->lru / (double)s->slab);
                text_wrap(t, begin, 4);
        }
}

static void add_slabs(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = text_rows(t, r->system.n_slabs, SLAB_ROWS);

        if (shown > 0)
                buf_str(t->out, "  slabs, the largest first:\n");
        for (size_t i = 0; i < shown; i++) {
                const struct report_slab *s = &r->system.slabs[i];
                char count[COUNT_TEXT];

                buf_str(t->out, "  ");
                text_size_cell(t, s->bytes);
                buf_printf(t->out, " %12s objects  ",
                           s->objects == REPORT_UNKNOWN ? "?" : text_count(s->objects, count));
                text_escaped(t, s->name, text_left(t));
                buf_char(t->out, '\n');
        }
        text_more(t, r->system.n_slabs - shown, "slabs");
}

static void add_verdict(const struct text *t)
{
        const struct report_system *s = &t->r->system;

        for (size_t i = 0; i < (s->verdict ? s->n_evidence + 1 : 0); i++) {
                size_t begin = text_begin(t);

                buf_str(t->out, i == 0 ? "  " : "  - ");
                text_escaped(t, i == 0 ? s->verdict : s->evidence[i - 1], 900);
                text_wrap(t, begin, i == 0 ? 2 : 4);
        }
}

void text_system(const struct text *t)
{
        const struct report *r = t->r;

        if (r->system.n_meminfo == 0 && r->system.n_slabs == 0 && !r->system.verdict)
                return;
        text_title(t, "THE MACHINE", r->machine_only ? r->host : NULL);
        add_verdict(t);
        add_where(t);
        text_system_holders(t);
        add_slabs(t);
        text_system_kernel(t);
        buf_str(t->out, r->system.n_meminfo > 0 ? "  /proc/meminfo:\n" : "");
        add_meminfo(t);
}
