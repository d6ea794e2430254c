/* SPDX-License-Identifier: MIT */
/* collectors - the functions that collectors.def and its scopes name. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_H
#define SWANSONG_CAPTURE_COLLECTORS_H

#include <limits.h>

#include "base/memory_group.h"
#include "capture/collect.h"

/* Neighbouring rows of one scope. */
void threads_collect(struct collect *c, const struct collector *rows, size_t n);
void relatives_collect(struct collect *c, const struct collector *rows, size_t n);
void groups_collect(struct collect *c, const struct collector *rows, size_t n);

/* Sections that are more than a copy. */
void fds_make(struct collect *c, const struct collector *row);
void sockets_make(struct collect *c, const struct collector *row);
void census_make(struct collect *c, const struct collector *row);
void malloc_info_make(struct collect *c, const struct collector *row);
void perf_map_make(struct collect *c, const struct collector *row);
void recorder_make(struct collect *c, const struct collector *row);

/* Tables about the machine. */
void shrinkers_make(struct collect *c, const struct collector *row);
void memory_groups_make(struct collect *c, const struct collector *row);
void processes_make(struct collect *c, const struct collector *row);

/* Does the row apply here? */
bool numa_applies(const struct collect *c);    /* more than one node */
bool environ_applies(const struct collect *c); /* asked for */
bool not_in_exit(const struct collect *c);     /* not while the threads wait for nothing but us */
bool nobody_waits(const struct collect *c);    /* not while a kill is held up: what does not perish can wait */

/* Where a group's files lie in the bundle: "sys/fs/cgroup/memory/a/b" (v1), "sys/fs/cgroup/a/b" (v2).  A ".."
 * of a group outside our cgroup namespace becomes "@parent". */
void cgroup_bundle_path(const struct memory_group *g, char out[PATH_MAX]);

#endif
