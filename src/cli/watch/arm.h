/* SPDX-License-Identifier: MIT */
/* watch_arm - which of the watched processes are attended (armed.h), and what the attendant says of them.
 *
 * Nobody can be let go alone without a stop that he might feel.  So one that need not be attended any more stays so until
 * that is true of all, or for STRAYS_NS; then another attendant takes over those who have to be. */
#ifndef SWANSONG_CLI_WATCH_ARM_H
#define SWANSONG_CLI_WATCH_ARM_H

#include "cli/watch/loop.h"

/* Start the attendant if any process may have to be attended: it takes longer than a leak may leave us. */
void watch_arm_prepare(struct watcher *w);

/* Have it attended, unless it is already, or was refused. */
void watch_arm(struct watcher *w, struct watched *p);

/* It need not be attended any more.  One that stands at its limit is captured all the same. */
void watch_disarm(struct watcher *w, struct watched *p);

/* Its hold is over, whatever the holder is doing. */
void watch_arm_give_up_hold(struct watcher *w, struct watched *p);

/* It leaves the set. */
void watch_arm_leave(struct watcher *w, const struct watched *p);

/* Nobody traces it when this returns; the others are attended as before.  Whether it was attended. */
bool watch_arm_release(struct watcher *w, struct watched *p);

/* Once per turn: let go who need not be attended; the time by which to come again, UINT64_MAX: any. */
uint64_t watch_arm_settle(struct watcher *w, uint64_t now_ns);

/* Is this epoll token ours?  Then it has been seen to. */
bool watch_arm_hear(struct watcher *w, const void *token);

/* Nothing more will be heard of its end. */
void watch_arm_give_up(struct watcher *w, struct watched *p);

/* Is a bundle being made of somebody's end? */
bool watch_arm_busy(const struct watcher *w);

/* Wait for none of them. */
void watch_arm_abandon(struct watcher *w);

/* Is it attended, or is its end still being written? */
static inline bool watch_is_armed(const struct watched *p)
{
        return p->arm != ARM_NONE || p->holder.child > 0;
}

/* Its holder (--hold) has ended. */
void watch_arm_holder_ended(struct watcher *w, struct watched *p);

void watch_arm_close(struct watcher *w);

#endif
