/* SPDX-License-Identifier: MIT */
/* watch_arm - which of the watched processes are attended (armed.h), and what their attendants say. */
#ifndef SWANSONG_CLI_WATCH_ARM_H
#define SWANSONG_CLI_WATCH_ARM_H

#include "cli/watch_loop.h"

/* Have it attended, unless it is already, or was refused. */
void watch_arm(struct watcher *w, struct watched *p);

/* Let it go. */
void watch_disarm(struct watcher *w, struct watched *p);

/* Its attendant has said something, or has ended. */
void watch_arm_hear(struct watcher *w, struct watched *p);

/* Is it attended, or is its end still being written? */
static inline bool watch_is_armed(const struct watched *p)
{
        return p->armed.child > 0;
}

#endif
