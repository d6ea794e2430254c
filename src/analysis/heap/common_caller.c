/* SPDX-License-Identifier: MIT */
#include "analysis/heap/common_caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/stacks/frame_kind.h"
#include "base/cleanup.h"

/* Those behind are so small that they change nothing. */
#define SITES_MOST 1000
#define SHARE      (2.0 / 3)

/* A site on its way down: frames[at - 1] is the next one inwards, frames[innermost] the last. */
struct walker {
        const struct report_site *site;
        size_t at, innermost;
        const struct report_frame *here;
};

static bool is_telling(const struct report_frame *f)
{
        return f->function && strcmp(f->function, "main") != 0 && !frame_in_c_library(f) &&
               !frame_in_cpp_library(f) && !frame_is_inlined_std(f);
}

/* One call further in.  False: it has arrived. */
static bool step(struct walker *w)
{
        while (w->at > w->innermost) {
                w->here = &w->site->frames[--w->at];
                if (is_telling(w->here))
                        return true;
        }
        return false;
}

static int by_function(const void *a, const void *b)
{
        const struct walker *x = a, *y = b;
        int order = strcmp(x->here->function, y->here->function);

        return order ? order : (x->site > y->site) - (x->site < y->site);
}

static double bytes_of(const struct walker *walkers, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += (double)amount_or(walkers[i].site->live_bytes, 0);
        return sum;
}

/* All take a step; those that have arrived are left behind.  How many are left, those with one function side by side. */
static size_t step_all(struct walker *walkers, size_t n)
{
        size_t left = 0;

        for (size_t i = 0; i < n; i++)
                if (step(&walkers[i]))
                        walkers[left++] = walkers[i];
        if (left > 0)
                qsort(walkers, left, sizeof(*walkers), by_function);
        return left;
}

/* The function that most bytes go through next: *ret_first is its first walker.  How many have it. */
static size_t widest(const struct walker *walkers, size_t n, size_t *ret_first)
{
        double most = 0;
        size_t found = 0;

        for (size_t i = 0, end; i < n; i = end) {
                double bytes;

                for (end = i + 1;
                     end < n && strcmp(walkers[end].here->function, walkers[i].here->function) == 0; end++)
                        ;
                bytes = bytes_of(walkers + i, end - i);
                if (bytes > most) {
                        most = bytes;
                        found = end - i;
                        *ret_first = i;
                }
        }
        return found;
}

int common_caller(const struct report_site *sites, size_t n, const struct report_frame **ret,
                  uint64_t *ret_bytes)
{
        size_t most = n < SITES_MOST ? n : SITES_MOST, n_walkers = 0, first = 0;
        _cleanup_free_ struct walker *walkers = calloc(most + 1, sizeof(*walkers));
        double all = 0;

        *ret = NULL;
        *ret_bytes = 0;
        if (!walkers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                all += (double)amount_or(sites[i].live_bytes, 0);
        for (size_t i = 0; i < most; i++)
                if (sites[i].complete && sites[i].n_frames > 0)
                        walkers[n_walkers++] = (struct walker){
                                .site = &sites[i],
                                .at = sites[i].n_frames,
                                .innermost = frame_of_allocation(sites[i].frames, sites[i].n_frames)};
        while ((n_walkers = step_all(walkers, n_walkers)) > 0) {
                double bytes;

                n_walkers = widest(walkers, n_walkers, &first);
                memmove(walkers, walkers + first, n_walkers * sizeof(*walkers));
                bytes = bytes_of(walkers, n_walkers);
                if (bytes == 0 || bytes < SHARE * all)
                        break;
                *ret = walkers[0].here;
                *ret_bytes = amount_of(bytes);
        }
        return 0;
}
