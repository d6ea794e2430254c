/* SPDX-License-Identifier: MIT */
/* rearm - when a condition that has fired may fire again.
 *
 * Not before the cooldown is over.  Then
 *
 *   - when the value has been 5 % below the threshold and reaches it again, or
 *   - when it has grown by a quarter since it fired, or by half of what was left to the limit if that is less.
 *
 * So the dumps of a slow leak come closer to the end, and a process that stays above its threshold is not
 * dumped again and again.
 */
#ifndef SWANSONG_TRIGGER_REARM_H
#define SWANSONG_TRIGGER_REARM_H

#include <stdbool.h>
#include <stdint.h>

struct rearm {
        bool fired;          /* and has not been 5 % below the threshold since */
        uint64_t next_level; /* when fired: fires again from here */
        uint64_t quiet_ns;   /* monotonic: not before this moment */
};

/* Is the value so far below the threshold (5 %) that reaching it is news again? */
bool rearm_is_dip(uint64_t threshold, uint64_t value);

/* Where the condition fires now. */
uint64_t rearm_level(const struct rearm *r, uint64_t threshold);

/* Look at a new value: true if the condition fires.  It goes on saying so until rearm_fired() or
 * rearm_failed(). */
bool rearm_check(struct rearm *r, uint64_t threshold, uint64_t value, uint64_t now_ns);

/* A dump was taken.  `limit`: where the value ends at the latest. */
void rearm_fired(struct rearm *r, uint64_t value, uint64_t limit, uint64_t now_ns, uint64_t cooldown_ns);

/* The dump failed: try again in wait_ns. */
void rearm_failed(struct rearm *r, uint64_t now_ns, uint64_t wait_ns);

#endif
