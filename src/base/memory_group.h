/* SPDX-License-Identifier: MIT */
/* memory_group - where the kernel accounts a process's memory: its memory cgroup, v1 or v2.
 *
 * Joins two texts of the kernel.  /proc/PID/cgroup says which group:
 *   4:memory:/docker/7c1f          v1 (wins when both are there: a hybrid machine has memory in v1)
 *   0::/user.slice/app.scope       v2
 * /proc/self/mountinfo says where we see it:
 *   35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
 *   29 23 0:26 /docker/7c1f /sys/fs/cgroup ro - cgroup2 cgroup rw        (field 4: only this part is mounted)
 * Traps: blanks in mount points come as \040; a group outside our cgroup namespace is shown as "/../x" and
 * is reached only through a mount whose root is shown as "/.." too; a group's name may hold a colon.
 */
#ifndef SWANSONG_BASE_MEMORY_GROUP_H
#define SWANSONG_BASE_MEMORY_GROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_group {
        int version;           /* 1 or 2 */
        char mount[PATH_MAX];  /* where the hierarchy is mounted, "/sys/fs/cgroup/memory" */
        char path[PATH_MAX];   /* the group below `mount`: "/" or "/a/b" */
        char kernel[PATH_MAX]; /* the group as /proc/PID/cgroup and the kernel log name it */
};

#define MEMORY_GROUP_UNLIMITED UINT64_MAX

/* Only the group's name, as the kernel has it, out of the text of /proc/PID/cgroup (NUL-terminated).  0; -ENOENT:
 * no memory controller; -ENAMETOOLONG. */
int memory_group_name(const char *cgroup, int *ret_version, char name[PATH_MAX]);

/* Join the two texts (NUL-terminated).  0; -ENOENT: the memory controller is not mounted here, or the group
 * is outside what is mounted; -ENAMETOOLONG. */
int memory_group_parse(const char *cgroup, const char *mountinfo, struct memory_group *ret);

/* The same for the process whose /proc/PID directory is proc_fd.  Also -errno of reading. */
int memory_group_find(int proc_fd, struct memory_group *ret);

/* Change g->path (and g->kernel) to the group above.  1, or 0 at the top of what is mounted. */
int memory_group_up(struct memory_group *g);

/* A limit of a group, and what is used of it.  v1 has a second one, of memory and swap together, that is never below the first:
 * it kills first only where the group has been swapped out. */
struct memory_group_gauge {
        const char *limit, *usage; /* files */
        const char *beside;        /* ", with swap": what is counted beside memory */
};

/* The kinds of limits of that cgroup version; *ret_n of them, the one of memory alone first. */
const struct memory_group_gauge *memory_group_gauges(int version, bool has_swap, size_t *ret_n);

/* Has this machine a swap area at all? */
bool memory_group_has_swap(void);

/* The text of "memory.max" (v2: a number or "max") or "memory.limit_in_bytes" (v1: a huge number means none).
 */
uint64_t memory_group_limit_parse(const char *text);

/* The limit of this group alone, not of those above it; MEMORY_GROUP_UNLIMITED if it has none or cannot be
 * read. */
uint64_t memory_group_limit(const struct memory_group *g);

/* Open a file of the group for reading: v1 and v2 call them differently ("memory.usage_in_bytes",
 * "memory.current"); NULL: this version has none.  fd or -errno. */
int memory_group_open(const struct memory_group *g, const char *v1_file, const char *v2_file);

#endif
