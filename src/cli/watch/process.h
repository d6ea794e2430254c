/* SPDX-License-Identifier: MIT */
/* watch_process - one process in the loop: it begins to be watched, is looked at when that is due, dumped when a condition fires, and
 * ends. */
#ifndef SWANSONG_CLI_WATCH_PROCESS_H
#define SWANSONG_CLI_WATCH_PROCESS_H

#include "cli/watch/loop.h"

/* Begin to watch the opened target, which is taken over.  0, or -errno with d filled. */
int watch_process_add(struct watcher *w, struct target *t, struct diag *d);

/* Not to be watched any more; it leaves the set before the next turn. */
void watch_process_retire(struct watcher *w, struct watched *p);

/* Have it attended, or not any more, as its conditions and places want. */
void watch_process_attend(struct watcher *w, struct watched *p);

/* It is due: look at it, and do what its conditions want. */
void watch_process_tick(struct watcher *w, struct watched *p);

/* Its pidfd says that it has ended. */
void watch_process_ended(struct watcher *w, struct watched *p);

/* Dump all that live, for a reason that is none of their conditions. */
void watch_process_dump_all(struct watcher *w, const char *kind, const char *sentence);

#endif
