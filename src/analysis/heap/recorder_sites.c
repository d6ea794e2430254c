/* SPDX-License-Identifier: MIT */
#include "analysis/heap/recorder_sites.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* No address space is larger: 57 bits. */
#define SIZE_MOST (UINT64_C(1) << 57)

#define TENTHS_PER_S 10

double recorder_error(double variance)
{
        return variance > 0 ? 1.96 * sqrt(variance) : 0;
}

static bool is_sane(const struct recorder_live *l)
{
        return l->weight >= RECORDER_WEIGHT_ONE && l->size <= SIZE_MOST;
}

static void add(struct recorder_site *s, const struct recorder_live *l, bool recent)
{
        double w = (double)l->weight / RECORDER_WEIGHT_ONE, size = (double)l->size;
        double variance = size * size * w * (w - 1);

        s->live_bytes += size * w;
        s->live_objects += w;
        s->variance += variance;
        s->samples++;
        if (recent) {
                s->recent_bytes += size * w;
                s->recent_variance += variance;
        }
}

static bool allocates(const struct recorder_stack *s)
{
        return s->kind == RECORDER_STACK_HEAP || s->kind == RECORDER_STACK_MAP;
}

static int by_bytes(const void *a, const void *b)
{
        const struct recorder_site *x = a, *y = b;

        if (x->live_bytes != y->live_bytes)
                return x->live_bytes < y->live_bytes ? 1 : -1;
        if (x->entry.allocated_bytes != y->entry.allocated_bytes)
                return x->entry.allocated_bytes < y->entry.allocated_bytes ? 1 : -1;
        return (x->stack > y->stack) - (x->stack < y->stack);
}

/* One site for each stack that allocated.  `of_stack` says which; NULL entries: none. */
static size_t make_sites(const struct recorder *r, struct recorder_site *sites,
                         struct recorder_site **of_stack)
{
        size_t n = 0;

        for (size_t i = 0; i < r->tables[RECORDER_STACKS].count; i++) {
                struct recorder_stack s;

                if (!recorder_get_stack(r, i, &s) || !allocates(&s))
                        continue;
                sites[n] = (struct recorder_site){.stack = (uint32_t)i, .entry = s};
                if (of_stack)
                        of_stack[i] = &sites[n];
                n++;
        }
        return n;
}

static size_t count_sites(const struct recorder *r)
{
        struct recorder_stack s;
        size_t n = 0;

        for (size_t i = 0; i < r->tables[RECORDER_STACKS].count; i++)
                n += recorder_get_stack(r, i, &s) && allocates(&s);
        return n;
}

static void add_live(const struct recorder *r, struct recorder_site **of_stack, struct recorder_sites *ret)
{
        uint64_t last = (recorder_last_ns(r) - r->head.began_monotonic_ns) / (NS_PER_S / TENTHS_PER_S);
        uint64_t window = (uint64_t)(ret->recent_s * TENTHS_PER_S);
        uint64_t since = last > window ? last - window : 0;

        for (size_t i = 0; i < r->tables[RECORDER_LIVE_KEYS].count; i++) {
                struct recorder_live l;
                uint64_t key;

                if (!recorder_get(r, RECORDER_LIVE_KEYS, i, &key, sizeof(key)) || key == RECORDER_KEY_FREE)
                        continue;
                if (key == RECORDER_KEY_BUSY)
                        ret->busy++;
                else if (!recorder_get(r, RECORDER_LIVE_RECORDS, i, &l, sizeof(l)) || !is_sane(&l) ||
                         l.stack >= r->tables[RECORDER_STACKS].count || !of_stack[l.stack])
                        ret->skipped++;
                else
                        add(of_stack[l.stack], &l, l.time >= since);
        }
}

/* Stacks that hold nothing and never allocated anything either say nothing. */
static size_t drop_empty(struct recorder_site *sites, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (sites[i].samples > 0 || sites[i].entry.allocated_bytes > 0)
                        sites[kept++] = sites[i];
        return kept;
}

int recorder_sites(const struct recorder *r, double recent_s, struct pool *pool, struct recorder_sites *ret)
{
        double age_s = (double)(recorder_last_ns(r) - r->head.began_monotonic_ns) / (double)NS_PER_S;
        struct recorder_sites s = {.recent_s = age_s < recent_s ? age_s : recent_s};
        _cleanup_free_ struct recorder_site **of_stack =
                calloc(r->tables[RECORDER_STACKS].count + 1, sizeof(struct recorder_site *));

        s.list = pool_alloc(pool, (count_sites(r) + 1) * sizeof(*s.list));
        if (!of_stack || !s.list)
                return -ENOMEM;
        s.n = make_sites(r, s.list, of_stack);
        add_live(r, of_stack, &s);
        s.n = drop_empty(s.list, s.n);
        qsort(s.list, s.n, sizeof(*s.list), by_bytes);
        *ret = s;
        return 0;
}
