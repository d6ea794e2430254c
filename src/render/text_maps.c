/* SPDX-License-Identifier: MIT */
/* The mappings, by address; of very many only the largest. */
#include "render/text.h"

#define MAP_ROWS 400

static int by_rss(const void *a, const void *b)
{
        const struct report_map *const *x = a, *const *y = b;
        uint64_t rss_x = (*x)->rss == REPORT_UNKNOWN ? 0 : (*x)->rss,
                 rss_y = (*y)->rss == REPORT_UNKNOWN ? 0 : (*y)->rss;

        if (rss_x != rss_y)
                return rss_x < rss_y ? 1 : -1;
        return (*x)->start < (*y)->start ? -1 : (*x)->start > (*y)->start;
}

static int by_address(const void *a, const void *b)
{
        const struct report_map *const *x = a, *const *y = b;

        return (*x)->start < (*y)->start ? -1 : (*x)->start > (*y)->start;
}

static void add_map(const struct text *t, const struct report_map *m)
{
        buf_printf(t->out, "  %016llx ", (unsigned long long)m->start);
        text_size_cell(t, m->size);
        buf_char(t->out, ' ');
        text_size_cell(t, m->rss);
        buf_char(t->out, ' ');
        text_size_cell(t, m->pss);
        buf_char(t->out, ' ');
        text_size_cell(t, m->swap);
        buf_printf(t->out, "  %s %02x:%02x %-9llu ", m->perms ? m->perms : "????", m->dev_major, m->dev_minor,
                   (unsigned long long)m->inode);
        if (m->path)
                text_escaped_tail(t, m->path, 120);
        buf_char(t->out, '\n');
}

void text_maps(const struct text *t)
{
        const struct report *r = t->r;
        _cleanup_free_ const struct report_map **rows = r->n_maps ? calloc(r->n_maps, sizeof(*rows)) : NULL;
        size_t shown = r->n_maps < MAP_ROWS ? r->n_maps : MAP_ROWS;
        char detail[120];

        if (!rows)
                return;
        for (size_t i = 0; i < r->n_maps; i++)
                rows[i] = &r->maps[i];
        if (shown < r->n_maps) {
                qsort(rows, r->n_maps, sizeof(*rows), by_rss);
                qsort(rows, shown, sizeof(*rows), by_address);
                snprintf(detail, sizeof(detail), "the %zu largest of %zu by RSS; all are in report.json",
                         shown, r->n_maps);
        } else {
                snprintf(detail, sizeof(detail), "%zu", r->n_maps);
        }
        text_title(t, "MAPPINGS", detail);
        buf_printf(t->out, "  %-16s %*s %*s %*s %*s  %s %s   %s     %s\n", "start", SIZE_COLUMNS, "size",
                   SIZE_COLUMNS, "RSS", SIZE_COLUMNS, "PSS", SIZE_COLUMNS, "swap", "perm", "dev", "inode",
                   "path");
        for (size_t i = 0; i < shown; i++)
                add_map(t, rows[i]);
}
