/* SPDX-License-Identifier: MIT */
/* limit - the memory limits that hold for a process: those of its memory group and of all groups above it, or
 * the machine's memory where none is below that.
 *
 * The tightest is the whole that "90%" is taken of.  The nearest is the one whose own usage fills it most: what
 * others in a group above have allocated counts there, too.  Usually both are the same.
 */
#ifndef SWANSONG_TRIGGER_LIMIT_H
#define SWANSONG_TRIGGER_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/memory_group.h"

struct memory_limit {
        uint64_t bytes;
        char source[128]; /* "memory group /a/b", "this machine's memory"; raw bytes, cut if long */
};

/* Groups one inside the other, those above the 16th are not looked at; each with one limit or two. */
#define LIMIT_LEVELS 32

/* Instead of a level: no group limits, the machine does. */
#define LIMIT_MACHINE (-1)

/* Where the limits of one process are read. */
struct limit_reader {
        char *dir;        /* the group's directory (malloc'ed), or NULL: no memory controller to be seen */
        char *group;      /* the group's name as the kernel has it (malloc'ed), or NULL */
        size_t mount_len; /* of `dir`, the part where the hierarchy is mounted */
        int version;      /* of cgroup */
        unsigned n;
        struct limit_level {
                size_t len; /* of `dir`, the part that is this group */
                const struct memory_group_gauge *gauge;
                uint64_t bytes; /* UINT64_MAX: none below the machine's memory */
                int usage_fd;   /* -1 where it has no limit */
        } levels[LIMIT_LEVELS]; /* from its own group upwards */
        int error;              /* -errno of the first limit that could not be read, 0 */
        size_t error_len;       /* of `dir`, the group with the error */
};

#define LIMIT_READER_NONE ((struct limit_reader){0})

/* Find the group of the process whose /proc/PID directory is proc_fd.  Cannot fail: what cannot be seen
 * limits nothing that we could name. */
void limit_reader_open(int proc_fd, struct limit_reader *ret);
void limit_reader_close(struct limit_reader *l);

/* Has the process moved to another group?  Then the reader has, too: true, and limit_read() has to come next.  One read
 * of /proc/PID/cgroup, 5 us.  The end of a process is no move: cgroup v1 shows it in "/" from then on. */
bool limit_reader_follow(int proc_fd, struct limit_reader *l);

/* Read all limits again (3 us per level), and say which is the tightest.  Allocates nothing. */
void limit_read(struct limit_reader *l, uint64_t mem_total, struct memory_limit *ret);

/* The level whose usage is the largest part of its limit, and that usage (one pread of 0.5 us for each level
 * with a limit); LIMIT_MACHINE, and *ret_used as it was, when no group has one. */
int limit_nearest(const struct limit_reader *l, uint64_t *ret_used);

/* What is used of level i's limit.  0 or -errno. */
int limit_usage(const struct limit_reader *l, unsigned i, uint64_t *ret);

/* The limit of that level, with its name. */
void limit_describe(const struct limit_reader *l, int level, uint64_t mem_total, struct memory_limit *ret);

/* "memory.max", "memory.limit_in_bytes": the file of the limit of memory alone. */
const char *limit_file(const struct limit_reader *l);

/* The same for a group whose directory is known; `dir` (malloc'ed) is taken over. */
void limit_reader_make(char *dir, size_t mount_len, int version, bool has_swap, struct limit_reader *ret);

#endif
