/* SPDX-License-Identifier: MIT */
/* All that is known of the process's memory: the amounts, where it is down to the last row, every piece of
 * evidence. */
#include "render/text/text.h"

#define CELL_COLUMNS 32 /* "address space limit   1.25 GiB  " */
#define NAME_COLUMNS 20

/* Cells side by side, as many as the width has room for. */
static void add_cell(const struct text *t, const char *name, uint64_t bytes, size_t *count)
{
        size_t in_line = (t->style->width - 2) / CELL_COLUMNS;

        if (bytes == REPORT_UNKNOWN)
                return;
        if (*count > 0 && *count % in_line == 0)
                buf_char(t->out, '\n');
        text_pad(t, 2 + *count % in_line * CELL_COLUMNS);
        buf_printf(t->out, "%-*s", NAME_COLUMNS, name);
        text_size_cell(t, bytes);
        ++*count;
}

static void add_amounts(const struct text *t)
{
        const struct report *r = t->r;
        const struct {
                const char *name;
                uint64_t bytes;
        } amounts[] = {
                {"RSS", r->memory.rss},
                {"PSS", r->memory.pss},
                {"USS", r->memory.uss},
                {"anonymous", r->memory.anon},
                {"file", r->memory.file},
                {"shared memory", r->memory.shmem},
                {"swap", r->memory.swap},
                {"page tables", r->memory.page_tables},
                {"huge pages (THP)", r->memory.huge_pages},
                {"hugetlb", r->memory.hugetlb},
                {"sockets (kernel)", r->memory.socket_memory},
                {"address space", r->memory.virtual_size},
                {"address space limit", r->memory.address_space_limit},
                {"the machine's memory", r->memory.mem_total},
                {"available there", r->memory.mem_available},
        };
        size_t count = 0;

        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
                add_cell(t, amounts[i].name, amounts[i].bytes, &count);
        if (count > 0)
                buf_char(t->out, '\n');
}

static void add_where(const struct text *t)
{
        const struct report *r = t->r;

        if (r->memory.n_where == 0)
                return;
        buf_str(t->out, "  RSS");
        if (r->memory.source) {
                buf_str(t->out, ", from ");
                text_escaped(t, r->memory.source, 40);
                buf_char(t->out, ',');
        }
        buf_str(t->out, " is made of:\n");
        for (size_t i = 0; i < r->memory.n_where; i++) {
                buf_str(t->out, "  ");
                text_size_cell(t, r->memory.where[i].bytes);
                buf_char(t->out, ' ');
                text_share(t, r->memory.where[i].bytes, r->memory.rss);
                buf_str(t->out, "  ");
                text_escaped(t, r->memory.where[i].what, text_left(t));
                buf_char(t->out, '\n');
        }
}

static void add_evidence(const struct text *t)
{
        const struct report *r = t->r;

        if (r->verdict.n_evidence > 0)
                buf_str(t->out, "  The verdict's evidence:\n");
        for (size_t i = 0; i < r->verdict.n_evidence; i++) {
                size_t begin = text_begin(t);

                buf_str(t->out, "    - ");
                text_escaped(t, r->verdict.evidence[i], 1000);
                text_wrap(t, begin, 6);
        }
}

void text_memory(const struct text *t)
{
        if (t->r->memory.rss == REPORT_UNKNOWN && t->r->memory.n_where == 0)
                return;
        text_title(t, "MEMORY", NULL);
        add_amounts(t);
        add_where(t);
        add_evidence(t);
}
