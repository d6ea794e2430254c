/* SPDX-License-Identifier: MIT */
/* writer_name - what a bundle is called: COMM.PID.YYYYmmddTHHMMSSZ[.N].swansong, and .partial while it grows.
 *
 * Without a PID (0) that part is left out: a bundle that is about no process.
 * COMM comes from the target and may hold anything; what reaches the file name is A-Za-z0-9_+- and dots that
 * are neither first nor last. */
#ifndef SWANSONG_BUNDLE_WRITER_NAME_H
#define SWANSONG_BUNDLE_WRITER_NAME_H

#include <stdint.h>
#include <sys/types.h>

#define BUNDLE_NUMBER_MAX 1000000
#define BUNDLE_NAME_TRIES 1000 /* others that take a name at the same moment */

struct bundle_name {
        char stem[128];    /* COMM.PID.TIME */
        char final[160];   /* .swansong */
        char partial[176]; /* .swansong.partial */
        unsigned try;      /* 1, or the number behind the time */
};

void bundle_name_make(const char *comm, pid_t pid, uint64_t realtime_ns, unsigned try,
                      struct bundle_name *ret);

/* The number behind that of `other` (a directory's entry) when that is a bundle of the same stem, else 1.  To take the first
 * number that is free would break their order once --keep has removed an older one. */
unsigned bundle_name_after(const struct bundle_name *name, const char *other);

/* The same stem with another number. */
void bundle_name_retry(const struct bundle_name *name, unsigned try, struct bundle_name *ret);

#endif
