/* SPDX-License-Identifier: MIT */
/* watch_find - which processes are to be watched (watch_targets.h), now and later.
 *
 * All of /proc, or of the group, is only read when a process has started since the last look, and once more (the first time
 * it may not have executed yet, or not been moved into the group), or after ten looks.
 * Whom --victim means is decided by watch_victim.h.
 */
#ifndef SWANSONG_CLI_WATCH_FIND_H
#define SWANSONG_CLI_WATCH_FIND_H

#include "base/pid_list.h"
#include "cli/watch/loop.h"

/* Before anything is made: are the processes of -p there and permitted, is there such a group?  0, or -errno with d
 * filled. */
int watch_find_check(struct watcher *w, struct diag *d);

/* Begin to watch those that are there; when there is none yet, say so.  0, or -errno with d filled. */
int watch_find_start(struct watcher *w, struct diag *d);

/* Is there anything to look for from time to time? */
bool watch_find_looks(const struct watcher *w);

/* What is done every -i seconds: leave those that have become another program or left the group, look for new ones, and
 * set when to look again. */
void watch_find_look(struct watcher *w, uint64_t now_ns);

/* Begin to watch this process, unless it is no target (a kernel thread, a child of ours, gone meanwhile).  1, 0, or -errno:
 * -ENFILE when no more can be watched. */
int watch_find_add(struct watcher *w, pid_t pid);

/* All processes that the targets speak of, sorted, whether watched or not.  How many could not be looked at, or -errno. */
int watch_find_candidates(struct watcher *w, struct pid_list *ret);

#endif
