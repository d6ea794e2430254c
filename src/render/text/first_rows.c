/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "render/text/first.h"

#define WHERE_ROWS   6
#define MAPPING_ROWS 5

bool text_is_large(const struct text *t, uint64_t bytes)
{
        return t->r->memory.rss == REPORT_UNKNOWN || bytes >= t->r->memory.rss / 25;
}

void text_first_where(const struct text *t)
{
        const struct report *r = t->r;
        size_t n = r->memory.n_where, shown = 0;
        uint64_t rest = 0;

        /* The rows are in order, but for the last: the small ones share a line. */
        while (shown < n && shown < WHERE_ROWS - 1 && r->memory.where[shown].bytes > r->memory.rss / 100)
                shown++;
        for (size_t i = 0; i < shown; i++) {
                const struct report_where *w = &r->memory.where[i];

                text_label(t, i ? "" : "Where");
                text_size_cell(t, w->bytes);
                buf_char(t->out, ' ');
                text_share(t, w->bytes, r->memory.rss);
                buf_char(t->out, ' ');
                text_bar(t, w->bytes, r->memory.rss, t->style->width / 4);
                buf_char(t->out, ' ');
                text_escaped(t, w->what, text_left(t));
                buf_char(t->out, '\n');
        }
        for (size_t i = shown; i < n; i++)
                rest += r->memory.where[i].bytes;
        if (rest == 0)
                return;
        text_label(t, shown ? "" : "Where");
        text_size_cell(t, rest);
        buf_char(t->out, ' ');
        text_share(t, rest, r->memory.rss);
        buf_printf(t->out, " %*s ", (int)t->style->width / 4, "");
        if (n - shown == 1)
                text_escaped(t, r->memory.where[shown].what, text_left(t));
        else
                buf_printf(t->out, "%zu smaller parts", n - shown);
        buf_char(t->out, '\n');
}

/* All mappings of one file, or neighbours without a file. */
struct region {
        const struct report_map *map; /* the first one */
        uint64_t end;                 /* of the last one */
        uint64_t rss, size;
        size_t n;
};

static int by_address(const struct region *x, const struct region *y)
{
        return (x->map->start > y->map->start) - (x->map->start < y->map->start);
}

static int by_path(const void *a, const void *b)
{
        const struct region *x = a, *y = b;
        const char *p = x->map->path, *q = y->map->path;
        int order = p && q ? strcmp(p, q) : !!q - !!p;

        return order ? order : by_address(x, y);
}

static int by_rss(const void *a, const void *b)
{
        const struct region *x = a, *y = b;

        if (x->rss != y->rss)
                return x->rss < y->rss ? 1 : -1;
        return by_address(x, y);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_region(struct region *to, const struct region *more)
{
        to->rss = sum(to->rss, more->rss);
        to->size = sum(to->size, more->size);
        to->end = more->end;
        to->n += more->n;
}

/* By address: what has no file is one with its neighbour.  How many. */
static size_t neighbours_of(const struct report *r, struct region *regions)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n_maps; i++) {
                const struct report_map *m = &r->maps[i];
                const struct region one = {m, m->end, m->rss, m->size, 1};
                struct region *last = n ? &regions[n - 1] : NULL;

                if (m->rss == REPORT_UNKNOWN || m->rss == 0)
                        continue;
                if (last && !last->map->path && !m->path && last->end == m->start)
                        add_region(last, &one);
                else
                        regions[n++] = one;
        }
        return n;
}

/* The resident regions, largest first; how many.  `regions` has room for all mappings. */
static size_t regions_of(const struct report *r, struct region *regions)
{
        size_t n = neighbours_of(r, regions), merged = 0;

        qsort(regions, n, sizeof(*regions), by_path);
        for (size_t i = 0; i < n; i++) {
                struct region *last = merged ? &regions[merged - 1] : NULL;
                const char *path = regions[i].map->path;

                if (last && path && last->map->path && strcmp(last->map->path, path) == 0)
                        add_region(last, &regions[i]);
                else
                        regions[merged++] = regions[i];
        }
        qsort(regions, merged, sizeof(*regions), by_rss);
        return merged;
}

static void add_anonymous(const struct text *t, const struct region *g)
{
        buf_str(t->out, "anonymous");
        if (g->n == 1) {
                buf_str(t->out, ", ");
                text_escaped(t, g->map->perms, 4);
        }
        buf_printf(t->out, ", at %#llx", (unsigned long long)g->map->start);
}

void text_first_mappings(const struct text *t)
{
        _cleanup_free_ struct region *regions = t->r->n_maps ? calloc(t->r->n_maps, sizeof(*regions)) : NULL;
        size_t n = regions ? regions_of(t->r, regions) : 0;

        for (size_t i = 0; i < n && i < MAPPING_ROWS; i++) {
                const struct region *g = &regions[i];
                char number[COUNT_TEXT + 16] = "", count[COUNT_TEXT];

                if (g->n > 1)
                        snprintf(number, sizeof(number), " (%s mappings)", text_count(g->n, count));
                text_label(t, i ? "" : "Mappings");
                text_size_cell(t, g->rss);
                buf_str(t->out, " of");
                text_size_cell(t, g->size);
                buf_str(t->out, "  ");
                if (g->map->path)
                        text_escaped_tail(t, g->map->path, text_left(t) - strlen(number));
                else
                        add_anonymous(t, g);
                buf_printf(t->out, "%s\n", number);
        }
}
