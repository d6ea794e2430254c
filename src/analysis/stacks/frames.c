/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/symbols/lines.h"
#include "analysis/symbols/perf_map.h"
#include "analysis/symbols/symbols.h"

#define JIT_MODULE "[perf map]"

static int compare_addresses(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static size_t unique(uint64_t *sorted, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (kept == 0 || sorted[i] != sorted[kept - 1])
                        sorted[kept++] = sorted[i];
        return kept;
}

/* One frame, or those of the inlined functions and their caller. */
static int place_fill(struct frame_place *p, struct pool *pool, const struct report_frame *plain,
                      const struct line_query *lines)
{
        size_t n = lines && lines->n_frames ? lines->n_frames : 1;
        struct report_frame *frames = pool_alloc(pool, n * sizeof(*frames));

        if (!frames)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                frames[i] = *plain;
                frames[i].inlined = i + 1 < n;
                if (!lines || !lines->n_frames)
                        continue;
                if (frames[i].inlined || lines->frames[i].function)
                        frames[i].function = lines->frames[i].function;
                frames[i].file = lines->frames[i].file;
                frames[i].line = lines->frames[i].line ? lines->frames[i].line : REPORT_UNKNOWN;
        }
        p->frames = frames;
        p->n_frames = n;
        return 0;
}

/* All places of one module. */
static int resolve_module(const struct frame_sources *s, struct module *m, struct frame_place *places,
                          size_t n)
{
        _cleanup_free_ struct symbol_query *symbols = calloc(n, sizeof(*symbols));
        _cleanup_free_ struct line_query *lines = calloc(n, sizeof(*lines));
        struct pool *pool = s->finder->pool;
        struct report_frame plain = {.module = m->path, .build_id = m->build_id, .line = REPORT_UNKNOWN};
        int r = symbols && lines ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                symbols[i].address = lines[i].address = places[i].lookup - m->bias;
        if (r == 0)
                r = symbols_find(s->finder, m, symbols, n);
        if (r == 0 && s->lines)
                r = lines_find(s->finder, m, lines, n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                plain.function = symbols[i].name ? symbol_display_name(symbols[i].name, pool) : NULL;
                r = symbols[i].name && !plain.function ? -ENOMEM
                                                       : place_fill(&places[i], pool, &plain, &lines[i]);
        }
        return r;
}

/* All places outside files: a just-in-time compiler's code, or nothing that we know. */
static int resolve_rest(const struct frame_sources *s, struct frame_places *all)
{
        _cleanup_free_ struct perf_map_query *queries = calloc(all->n + 1, sizeof(*queries));
        struct pool *pool = s->finder->pool;
        size_t n = 0, next = 0;

        if (!queries)
                return -ENOMEM;
        for (size_t i = 0; i < all->n; i++)
                if (!all->places[i].module)
                        queries[n++].address = all->places[i].lookup;
        if (s->perf_map && n > 0)
                perf_map_find(s->perf_map, s->perf_map_len, queries, n);
        for (size_t i = 0; i < all->n; i++) {
                struct report_frame plain = {.line = REPORT_UNKNOWN};
                const struct perf_map_query *q;

                if (all->places[i].module)
                        continue;
                q = &queries[next++];
                if (q->name) {
                        plain.module = JIT_MODULE;
                        plain.function = pool_strndup(pool, q->name, q->name_len);
                }
                if ((q->name && !plain.function) || place_fill(&all->places[i], pool, &plain, NULL) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int frames_resolve(const struct frame_sources *s, uint64_t *lookups, size_t n, struct frame_places *ret)
{
        struct frame_place *places;

        qsort(lookups, n, sizeof(*lookups), compare_addresses);
        n = unique(lookups, n);
        places = pool_alloc(s->finder->pool, n * sizeof(*places));
        if (!places)
                return -ENOMEM;
        *ret = (struct frame_places){places, n};
        for (size_t i = 0; i < n; i++) {
                const struct module_range *range = modules_find(s->modules, lookups[i]);

                places[i].lookup = lookups[i];
                places[i].module = range ? range->module : NULL;
        }
        for (size_t i = 0, run; i < n; i += run) {
                int r = 0;

                for (run = 1; i + run < n && places[i + run].module == places[i].module; run++)
                        ;
                if (places[i].module)
                        r = resolve_module(s, places[i].module, &places[i], run);
                if (r < 0)
                        return r;
        }
        return resolve_rest(s, ret);
}

const struct frame_place *frame_place_find(const struct frame_places *p, uint64_t lookup)
{
        size_t low = 0, high = p->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (p->places[middle].lookup < lookup)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < p->n && p->places[low].lookup == lookup ? &p->places[low] : NULL;
}
