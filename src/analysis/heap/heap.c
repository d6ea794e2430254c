/* SPDX-License-Identifier: MIT */
#include "analysis/heap/heap.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/stacks/frame_kind.h"
#include "analysis/heap/common_caller.h"
#include "analysis/heap/heap_remarks.h"
#include "analysis/heap/recorder_frames.h"
#include "analysis/heap/recorder_sites.h"
#include "base/recorder/recorder_head.h"
#include "base/size.h"

/* More call stacks than this have no names made: their sums are in the totals. */
#define SITES_MAX 20000

static void tell_no_symbols(void *missing, const char *path, const char *why)
{
        missing_add(missing, path, true, "no symbols: %s", why);
}

/* --- places --- */

struct site_place { /* for sorting: a site by the code that names it */
        const struct report_frame *frame;
        size_t site;
        double variance, growth_variance;
};

static int compare_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* Frames are the same place when they are one line of one function, or, without lines, one function. */
static int compare_frames(const struct report_frame *a, const struct report_frame *b)
{
        int order;

        if (!a || !b)
                return (a != NULL) - (b != NULL);
        order = compare_text(a->function, b->function);
        if (order == 0)
                order = compare_text(a->file, b->file);
        if (order == 0)
                order = (a->line > b->line) - (a->line < b->line);
        if (order == 0)
                order = compare_text(a->module, b->module);
        if (order == 0 && !a->function)
                order = (a->pc > b->pc) - (a->pc < b->pc);
        return order;
}

static int by_frame(const void *a, const void *b)
{
        const struct site_place *x = a, *y = b;
        int order = compare_frames(x->frame, y->frame);

        return order ? order : (x->site > y->site) - (x->site < y->site);
}

struct place_sum {
        struct report_place place;
        double variance, growth_variance;
        size_t first, end; /* in the array of site_place */
};

static int by_bytes(const void *a, const void *b)
{
        const struct place_sum *x = a, *y = b;

        if (x->place.live_bytes != y->place.live_bytes)
                return x->place.live_bytes < y->place.live_bytes ? 1 : -1;
        return (x->first > y->first) - (x->first < y->first);
}

static void sum_add(struct place_sum *p, const struct report_site *s, const struct site_place *at)
{
        p->place.live_bytes = amount_sum(p->place.live_bytes, s->live_bytes);
        p->place.live_objects = amount_sum(p->place.live_objects, s->live_objects);
        p->place.growth_bytes = amount_sum(p->place.growth_bytes, s->growth_bytes);
        p->place.n_sites++;
        p->variance += at->variance;
        p->growth_variance += at->growth_variance;
}

static size_t sum_places(const struct site_place *at, size_t n, const struct report_site *sites,
                         struct place_sum *ret)
{
        size_t n_places = 0;

        for (size_t i = 0; i < n; i++) {
                if (i == 0 || compare_frames(at[i - 1].frame, at[i].frame) != 0)
                        ret[n_places++] = (struct place_sum){.place.frame = at[i].frame, .first = i};
                sum_add(&ret[n_places - 1], &sites[at[i].site], &at[i]);
                ret[n_places - 1].end = i + 1;
        }
        return n_places;
}

/* Fill r->heap.places, and say in each site which one is its own. */
static int fill_places(struct site_place *at, size_t n, struct report_site *sites, struct report *r)
{
        _cleanup_free_ struct place_sum *sums = calloc(n + 1, sizeof(*sums));
        struct report_place *places;
        size_t n_places;

        if (!sums)
                return -ENOMEM;
        qsort(at, n, sizeof(*at), by_frame);
        n_places = sum_places(at, n, sites, sums);
        qsort(sums, n_places, sizeof(*sums), by_bytes);
        places = pool_alloc(&r->pool, (n_places + 1) * sizeof(*places));
        if (!places)
                return -ENOMEM;
        for (size_t i = 0; i < n_places; i++) {
                places[i] = sums[i].place;
                places[i].live_error = amount_of(recorder_error(sums[i].variance));
                places[i].growth_error = amount_of(recorder_error(sums[i].growth_variance));
                for (size_t k = sums[i].first; k < sums[i].end; k++)
                        sites[at[k].site].place = i;
        }
        r->heap.places = places;
        r->heap.n_places = n_places;
        return 0;
}

/* --- sites --- */

static uint64_t from_signed(int64_t value)
{
        return value > 0 ? (uint64_t)value : 0;
}

/* What was allocated lately, unless it only took the place of what was freed: a site that has not been at its
 * highest in that time does not grow, and one that has fallen since grew by that much less. */
static double growth_of(const struct recorder *rec, const struct recorder_site *s, double recent_s)
{
        uint64_t last = recorder_last_ns(rec), window = (uint64_t)(recent_s * 1e9);
        double fallen = (double)s->entry.peak_bytes - s->live_bytes;

        if (s->entry.last_growth_ns < (last > window ? last - window : 0))
                return 0;
        return s->recent_bytes - (fallen > 0 ? fallen : 0);
}

static struct report_site site_of(const struct recorder *rec, const struct recorder_site *s, double recent_s,
                                  const struct recorder_stack_shown *shown)
{
        struct report_site site = {
                .kind = s->entry.kind == RECORDER_STACK_MAP ? "mapping" : "heap",
                .live_bytes = amount_of(s->live_bytes),
                .live_error = amount_of(recorder_error(s->variance)),
                .live_objects = amount_of(s->live_objects + 0.5),
                .allocated_bytes = amount_or(s->entry.allocated_bytes, 0),
                .allocated_objects = s->entry.allocated_objects / RECORDER_WEIGHT_ONE,
                .peak_bytes = from_signed(s->entry.peak_bytes),
                .last_growth_ns = s->entry.last_growth_ns
                                          ? recorder_realtime(&rec->head, s->entry.last_growth_ns)
                                          : REPORT_UNKNOWN,
                .samples = s->samples,
                .complete = !(s->entry.flags & RECORDER_STACK_CUT) && s->entry.n_frames > 0,
                .frames = shown->frames,
                .n_frames = shown->n_frames,
        };

        if (growth_of(rec, s, recent_s) > 0) {
                site.growth_bytes = amount_of(growth_of(rec, s, recent_s));
                site.growth_error = amount_of(recorder_error(s->recent_variance));
        }
        return site;
}

static int fill_sites(const struct recorder *rec, const struct recorder_sites *from,
                      const struct recorder_stack_shown *shown, size_t n, struct report *r)
{
        struct report_site *sites = pool_alloc(&r->pool, (n + 1) * sizeof(*sites));
        _cleanup_free_ struct site_place *at = calloc(n + 1, sizeof(*at));
        int err;

        if (!sites || !at)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct recorder_site *s = &from->list[i];

                sites[i] = site_of(rec, s, from->recent_s, &shown[i]);
                at[i] = (struct site_place){
                        .frame = shown[i].n_frames ? &shown[i].frames[frame_of_allocation(shown[i].frames,
                                                                                          shown[i].n_frames)]
                                                   : NULL,
                        .site = i,
                        .variance = s->variance,
                        .growth_variance = sites[i].growth_bytes ? s->recent_variance : 0};
        }
        r->heap.sites = sites;
        r->heap.n_sites = n;
        if (fill_places(at, n, sites, r) < 0)
                return -ENOMEM;
        err = common_caller(sites, n, &r->heap.caller, &r->heap.caller_bytes);
        /* One place that has as much of it says the same. */
        if (r->heap.caller && r->heap.places[0].frame &&
            compare_text(r->heap.caller->function, r->heap.places[0].frame->function) == 0)
                r->heap.caller = NULL;
        return err;
}

static uint64_t time_of(const struct recorder *rec, uint64_t monotonic_ns)
{
        return monotonic_ns ? recorder_realtime(&rec->head, monotonic_ns) : REPORT_UNKNOWN;
}

static void fill_totals(const struct recorder *rec, const struct recorder_sites *sites, struct report *r)
{
        double bytes = 0, objects = 0, variance = 0;

        r->heap.allocated_bytes = r->heap.samples = 0;
        for (size_t i = 0; i < sites->n; i++) {
                const struct recorder_site *s = &sites->list[i];

                bytes += s->live_bytes;
                objects += s->live_objects;
                variance += s->variance;
                r->heap.samples += s->samples;
                r->heap.allocated_bytes =
                        amount_sum(r->heap.allocated_bytes, amount_or(s->entry.allocated_bytes, 0));
        }
        r->heap.source = "recorder";
        r->heap.injected_ns = time_of(rec, rec->head.injected_ns);
        r->heap.detached_ns = time_of(rec, rec->head.detached_ns);
        r->heap.sample_bytes = rec->head.mean;
        r->heap.live_bytes = amount_of(bytes);
        r->heap.live_objects = amount_of(objects + 0.5);
        r->heap.live_error = amount_of(recorder_error(variance));
        r->heap.growth_seconds = sites->recent_s;
}

int heap_fill(const struct recorder *rec, const struct stacks_options *o, struct missing *missing,
              struct report *r)
{
        static const struct stacks_options plain = {.binaries_fd = -1};
        _cleanup_free_ struct recorder_stack_shown *shown = NULL;
        _cleanup_free_ uint32_t *stacks = NULL;
        struct recorder_sites sites;
        size_t n;
        int err = recorder_sites(rec, HEAP_GROWTH_S, &r->pool, &sites);

        if (err < 0)
                return err;
        n = sites.n < SITES_MAX ? sites.n : SITES_MAX;
        shown = calloc(n + 1, sizeof(*shown));
        stacks = calloc(n + 1, sizeof(*stacks));
        if (!shown || !stacks)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                stacks[i] = sites.list[i].stack;
        fill_totals(rec, &sites, r);
        err = recorder_resolve(rec, o ? o : &plain, r, &r->pool, stacks, n, shown, tell_no_symbols, missing);
        if (err == 0)
                err = fill_sites(rec, &sites, shown, n, r);
        return err < 0 ? err : heap_remarks_fill(rec, &sites, r);
}
