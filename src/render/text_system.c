/* SPDX-License-Identifier: MIT */
/* The machine's memory. */
#include <string.h>

#include "render/text.h"

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

void text_system(const struct text *t)
{
        const struct report *r = t->r;

        if (r->system.n_meminfo == 0 && r->system.n_slabs == 0 && !r->system.verdict)
                return;
        text_title(t, "THE MACHINE", NULL);
        if (r->system.verdict) {
                size_t begin = text_begin(t);

                buf_str(t->out, "  ");
                text_escaped(t, r->system.verdict, 600);
                text_wrap(t, begin, 2);
        }
        add_meminfo(t);
        add_slabs(t);
}
