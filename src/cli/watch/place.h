/* SPDX-License-Identifier: MIT */
/* watch_place - with --group and --victim: who is attended follows from where memory is about to run out (trigger/places.h),
 * not from each process's own size.
 *
 *   a place is near its limit     every process in it that is watched is attended
 *   with --victim                 those in it that the kernel would kill first (watch_victim.h)
 * The places are read first and often, the processes themselves only now and then.
 */
#ifndef SWANSONG_CLI_WATCH_PLACE_H
#define SWANSONG_CLI_WATCH_PLACE_H

#include "cli/watch/loop.h"

/* Find the places and look at them.  0, or -errno with d filled. */
int watch_place_start(struct watcher *w, struct diag *d);

/* Say what is watched. */
void watch_place_announce(struct watcher *w);

/* Look at what is due, and set when to look again. */
void watch_place_look(struct watcher *w, uint64_t now_ns);

/* Set for each process that is watched whether it is in a place near its limit, and have it attended or let go. */
void watch_place_mark(struct watcher *w);

/* It is in a place near its limit, or is not any more. */
void watch_place_set_near(struct watched *p, bool near);

/* How long the process may sleep whose own conditions allow `sleep_ns`: shorter near the limit, for the history; longer where
 * there are many. */
uint64_t watch_place_pace_ns(const struct watcher *w, const struct watched *p, uint64_t sleep_ns);

/* Is memory about to run out anywhere? */
bool watch_place_is_near(const struct watcher *w);

#endif
