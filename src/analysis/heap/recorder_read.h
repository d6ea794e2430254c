/* SPDX-License-Identifier: MIT */
/* recorder_read - the bytes of a recorder file, holes and all.
 *
 * Read, not mapped: its process may still be writing to it, and could cut it off under a mapping.  Where the file has
 * holes nothing is read: a table that was made for millions of blocks costs no memory for those that never came. */
#ifndef SWANSONG_ANALYSIS_HEAP_RECORDER_READ_H
#define SWANSONG_ANALYSIS_HEAP_RECORDER_READ_H

#include <stddef.h>

#include "base/cleanup.h"

struct recorder_bytes {
        void *data;
        size_t len;
};

/* 0, or -errno. */
int recorder_read(int fd, struct recorder_bytes *ret);
void recorder_bytes_done(struct recorder_bytes *b);

#define _cleanup_recorder_bytes_ _cleanup_(recorder_bytes_done)

#endif
