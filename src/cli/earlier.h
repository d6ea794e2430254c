/* SPDX-License-Identifier: MIT */
/* earlier - the dumps that were taken of a process before its end: the bundle of its end names the last one.
 *
 * A bundle that is complete is not changed any more: who was told of it may have copied or packed it.  So it is not the early
 * bundle that learns how long before the kill it was taken. */
#ifndef SWANSONG_CLI_EARLIER_H
#define SWANSONG_CLI_EARLIER_H

#include <limits.h>
#include <stdint.h>

#include "base/buf.h"

struct earlier {
        unsigned n;
        uint64_t last_ns; /* CLOCK_MONOTONIC: when the last one was begun */
        char last[NAME_MAX + 1];
};

void earlier_note(struct earlier *e, uint64_t begin_ns, const char *bundle);

/* "; 2 dumps before it, the last 312 ms before: leak.4711.….swansong"; nothing if there were none. */
void earlier_words(const struct earlier *e, uint64_t end_ns, struct buf *out);

#endif
