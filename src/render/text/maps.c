/* SPDX-License-Identifier: MIT */
/* The mappings, by address; of very many only the largest. */
#include "render/text/text.h"

#define MAP_ROWS 200

static int by_address(const void *a, const void *b)
{
        const struct report_map *x = *(const struct report_map *const *)a,
                                *y = *(const struct report_map *const *)b;

        return (x->start > y->start) - (x->start < y->start);
}

static int by_rss(const void *a, const void *b)
{
        const struct report_map *x = *(const struct report_map *const *)a,
                                *y = *(const struct report_map *const *)b;
        /* REPORT_UNKNOWN + 1 is 0 */
        uint64_t rss_x = x->rss + 1, rss_y = y->rss + 1;

        return rss_x != rss_y ? (rss_x < rss_y ? 1 : -1) : by_address(a, b);
}

static void add_map(const struct text *t, const struct report_map *m, bool swap)
{
        char dev[24];

        snprintf(dev, sizeof(dev), "%02x:%02x", m->dev_major, m->dev_minor);
        buf_printf(t->out, "  %012llx", (unsigned long long)m->start);
        text_size_cell(t, m->size);
        text_size_cell(t, m->rss);
        text_size_cell(t, m->pss);
        if (swap)
                text_size_cell(t, m->swap);
        buf_char(t->out, ' ');
        text_escaped(t, m->perms, 4);
        buf_printf(t->out, " %-5s %8llu", dev, (unsigned long long)m->inode);
        if (m->path) {
                buf_char(t->out, ' ');
                text_escaped_tail(t, m->path, text_left(t));
        }
        buf_char(t->out, '\n');
}

static bool any_swap(const struct report *r)
{
        for (size_t i = 0; i < r->n_maps; i++)
                if (r->maps[i].swap != REPORT_UNKNOWN && r->maps[i].swap > 0)
                        return true;
        return false;
}

void text_maps(const struct text *t)
{
        const struct report *r = t->r;
        _cleanup_free_ const struct report_map **rows = r->n_maps ? calloc(r->n_maps, sizeof(*rows)) : NULL;
        size_t shown = text_rows(t, r->n_maps, MAP_ROWS);
        bool swap = any_swap(r);
        char detail[120], all[COUNT_TEXT];

        if (!rows)
                return;
        for (size_t i = 0; i < r->n_maps; i++)
                rows[i] = &r->maps[i];
        text_count(r->n_maps, all);
        if (shown < r->n_maps) {
                qsort(rows, r->n_maps, sizeof(*rows), by_rss);
                qsort(rows, shown, sizeof(*rows), by_address);
                snprintf(detail, sizeof(detail), "%s; here are the %zu largest by RSS, by address", all,
                         shown);
        } else {
                snprintf(detail, sizeof(detail), "%s, by address", all);
        }
        text_title(t, "MAPPINGS", detail);
        buf_printf(t->out, "  %-12s", "start");
        text_heading(t, "size");
        text_heading(t, "RSS");
        text_heading(t, "PSS");
        if (swap)
                text_heading(t, "swap");
        buf_printf(t->out, " perm %-5s %8s path\n", "dev", "inode");
        for (size_t i = 0; i < shown; i++)
                add_map(t, rows[i], swap);
        text_more(t, r->n_maps - shown, "mappings");
}
