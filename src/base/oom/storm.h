/* SPDX-License-Identifier: MIT */
/* storm - when many kills come at once, what is the same for all of them is copied for the first one only.
 *
 * At most once in STORM_NS; the others are counted.  Processes that capture side by side share one (it lies in memory that
 * children inherit).
 */
#ifndef SWANSONG_BASE_OOM_STORM_H
#define SWANSONG_BASE_OOM_STORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STORM_NS (UINT64_C(5) * 1000 * 1000 * 1000)

struct storm { /* zero: nothing has come yet */
        _Atomic uint64_t last_ns;
        atomic_uint left_out;
};

/* Is it time again?  now_ns: CLOCK_MONOTONIC.  If so, *ret_left_out (may be NULL) is how many were left out since the last
 * time. */
bool storm_pass(struct storm *s, uint64_t now_ns, unsigned *ret_left_out);

/* One for this process and for all that it starts after the first call; NULL when there is no memory for it. */
struct storm *storm_shared(void);

#endif
