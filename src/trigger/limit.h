/* SPDX-License-Identifier: MIT */
/* limit - the effective memory limit of a process: the tightest over its memory group and all groups above
 * it, or the machine's memory if there is none below that.  It is the whole that "90%" is taken of. */
#ifndef SWANSONG_TRIGGER_LIMIT_H
#define SWANSONG_TRIGGER_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct memory_limit {
        uint64_t bytes;
        char source[128]; /* "memory group /a/b", "this machine's memory"; raw bytes, cut if long */
};

/* Where the limits of one process are read. */
struct limit_reader {
        char *dir;        /* the group's directory (malloc'ed), or NULL: no memory controller to be seen */
        size_t mount_len; /* of `dir`, the part where the hierarchy is mounted */
        int version;      /* of cgroup */
};

/* Find the group of the process whose /proc/PID directory is proc_fd.  Cannot fail: what cannot be seen
 * limits nothing that we could name. */
void limit_reader_open(int proc_fd, struct limit_reader *ret);
void limit_reader_close(struct limit_reader *l);

/* Allocates nothing. */
void limit_read(const struct limit_reader *l, uint64_t mem_total, struct memory_limit *ret);

#endif
