/* SPDX-License-Identifier: MIT */
/* group_tree - a memory group by the name that a user gives it, and what lies below it: groups and processes.
 *
 * Accepted names:
 *   /docker/7c1f                       as /proc/PID/cgroup and the kernel's log have it
 *   /sys/fs/cgroup/memory/docker/7c1f  as the file system has it
 *   nginx.service                      without a slash: the group of that name, wherever it is below the root
 * Only reads.  Links in the tree are not followed (there are none in a cgroup file system).
 */
#ifndef SWANSONG_BASE_GROUP_TREE_H
#define SWANSONG_BASE_GROUP_TREE_H

#include "base/diag.h"
#include "base/memory_group.h"
#include "base/pid_list.h"

/* Find the group.  0, or -errno with d filled: -ENOENT (no such group, or no memory controller is mounted),
 * -ENOTUNIQ (several groups have that name), -ENAMETOOLONG. */
int group_find(const char *name, struct memory_group *ret, struct diag *d);

/* The top of what is mounted of the memory controller.  0 or -errno with d filled. */
int group_root(struct memory_group *ret, struct diag *d);

/* Call visit(path, arg) with the directory of the group and then of each group below it, until it returns non-zero,
 * which is returned; 0, or -errno when the group itself cannot be opened.  Groups that vanish meanwhile are left out,
 * and so is what lies deeper than 64 levels. */
int group_walk(const char *dir, int (*visit)(const char *path, void *arg), void *arg);

/* Add the processes of the group `dir` and of all groups below it, sorted, each once; those of other PID namespaces cannot
 * be named and are left out.  0 or -errno. */
int group_processes(const char *dir, struct pid_list *l);

/* Out of the text of cgroup.procs: one number a line.  0 or -ENOMEM; what is no number is left out. */
int group_procs_parse(const char *text, size_t len, struct pid_list *l);

#endif
