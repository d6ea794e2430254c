/* SPDX-License-Identifier: MIT */
/* capture_cost - what a capture of this very process would take, without attaching to it: a dry run.
 *
 * Everything is read as it would be for a bundle, into memory that is thrown away.  The stop of the threads is left
 * out; for it stands what was measured elsewhere. */
#ifndef SWANSONG_CAPTURE_CAPTURE_COST_H
#define SWANSONG_CAPTURE_CAPTURE_COST_H

#include <stdint.h>

#include "base/diag.h"
#include "base/target.h"

struct capture_cost {
        unsigned n_threads;
        uint64_t reading_ns; /* measured: all but the stop */
        uint64_t pause_ns;   /* supposed: how long its threads stand still */
        uint64_t bytes;      /* of the bundle, without registers and stacks */
};

/* 0, or -errno with d filled.  Some 5 to 50 ms; up to seconds where a read of /proc hangs. */
int capture_cost_measure(const struct target *t, struct capture_cost *ret, struct diag *d);

#endif
