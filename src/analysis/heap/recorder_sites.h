/* SPDX-License-Identifier: MIT */
/* recorder_sites - the live heap by call stack, estimated from the samples of a recorder.
 *
 * An allocation of s bytes was sampled with probability 1/w and stands for w of its kind.  The sums are unbiased; the
 * variance of the bytes is Σ s²·w·(w - 1), so that 0 comes out where everything was recorded (w = 1).
 */
#ifndef SWANSONG_ANALYSIS_HEAP_RECORDER_SITES_H
#define SWANSONG_ANALYSIS_HEAP_RECORDER_SITES_H

#include "analysis/heap/recorder.h"
#include "base/pool.h"

struct recorder_site {
        uint32_t stack;                       /* index in the recorder's stacks */
        struct recorder_stack entry;          /* a copy */
        double live_bytes, live_objects;      /* estimates */
        double variance;                      /* of live_bytes */
        double recent_bytes, recent_variance; /* of these, allocated in the last `recent_s` seconds */
        uint64_t samples;                     /* live ones */
};

struct recorder_sites {
        struct recorder_site *list; /* most live bytes first, then most allocated ones */
        size_t n;
        double recent_s; /* how far back `recent` reaches; less than asked for when the recorder is younger */
        uint64_t busy;   /* live entries that were being written */
        uint64_t skipped; /* live entries that make no sense */
};

/* What half of the 95 % interval is, from a variance. */
double recorder_error(double variance);

/* The sites of all stacks that allocated.  0 or -ENOMEM. */
int recorder_sites(const struct recorder *r, double recent_s, struct pool *pool, struct recorder_sites *ret);

#endif
