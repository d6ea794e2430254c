/* SPDX-License-Identifier: MIT */
/* watch_brake - --brake and --hold: which of the watched processes have their memory group braked (brake/brake.h).
 *
 *   --brake  on as long as the process is near its limit (where it is armed), beside whoever attends it
 *   --hold   on as long as a holder waits for the limit (held_child.h), who takes the attendant's place
 *
 * One brake for each group: of several processes in it the first has it, the others are armed without. */
#ifndef SWANSONG_CLI_WATCH_BRAKE_H
#define SWANSONG_CLI_WATCH_BRAKE_H

#include "cli/watch/loop.h"

/* At the start: can the process's group be braked?  Where it cannot, that is said, with what is done instead.  0, or
 * -ENOTSUP with d filled: the brake that was asked for is one of the other cgroup version. */
int watch_brake_check(struct watcher *w, struct watched *p, struct diag *d);

/* --brake: the process is near its limit; once more changes nothing. */
void watch_brake_on(struct watcher *w, struct watched *p);

/* --hold: have it held instead of attended.  True: it is. */
bool watch_brake_hold(struct watcher *w, struct watched *p);

/* Undo its brake.  `over`: it is not put on again before the process has been far from its limit. */
void watch_brake_off(struct watcher *w, struct watched *p, bool over);

/* The guard has undone it (the deadline), or was killed. */
void watch_brake_guard_ended(struct watcher *w, struct watched *p);

#endif
