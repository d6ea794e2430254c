/* SPDX-License-Identifier: MIT */
/* cgroup - the memory group of the target and the groups above it: usage, limits, what the kernel counted.
 *
 * Reads proc/PID/cgroup and sys/fs/cgroup of the bundle.  The tightest limit counts, wherever above it is set.
 * v1: memory.limit_in_bytes of each level, and hierarchical_memory_limit in memory.stat, which also knows of the
 * levels that a container cannot see; "none" is a number just below 2^63.  v2: memory.max, "max" is none.
 */
#ifndef SWANSONG_ANALYSIS_CGROUP_H
#define SWANSONG_ANALYSIS_CGROUP_H

#include "analysis/source.h"

/* The name of the memory group in the text of proc/PID/cgroup: *ret_version 1 or 2 and a path with a leading '/' in
 * the pool.  0, -ENOENT (none named), -ENOMEM. */
int cgroup_name_parse(const char *text, size_t len, struct pool *pool, int *ret_version,
                      const char **ret_path);

/* A group of which nothing is known. */
struct report_cgroup cgroup_unknown(void);

/* Fill r->cgroup; what the bundle has not is REPORT_UNKNOWN.  0 or -ENOMEM. */
int cgroup_fill(struct source *s, struct report *r);

#endif
