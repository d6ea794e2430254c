/* SPDX-License-Identifier: MIT */
/* poll_interval - how long the watcher may sleep without missing a threshold.
 *
 * Two bounds, the shorter one counts, never longer than the user's -i and never shorter than 0.5 ms:
 *
 *   by speed  half the time in which the fastest growth seen lately would use up the headroom
 *   by fear   the time in which 8 GB/s would (a process was seen to touch fresh memory at 5-7 GB/s with huge
 *             pages, at 2.8 without), but at rest no less than 20 ms
 *
 * What it means for a leak that starts out of rest, at full speed, more than 160 MB below the threshold: the
 * first poll after the start still comes before it; from there on it is by speed, so that it is seen within
 * 0.5 ms (1.4 MB at 2.8 GB/s).  Nearer, it is seen at most 20 ms late (56 MB).
 *
 * Where the kernel wakes us at the level (group_events.h), POLL_WOKEN_NS is enough at rest.
 *
 * What it costs: one poll is 30 us of a core on a busy 2-core VM, of which the wake-up alone is 20 (a bare
 * nanosleep() loop pays them, too): 0.01 % of a core at 1 s, 0.15 % at 20 ms, 0.3 % at 10 ms.
 */
#ifndef SWANSONG_TRIGGER_POLL_INTERVAL_H
#define SWANSONG_TRIGGER_POLL_INTERVAL_H

#include <stdint.h>

#define POLL_FASTEST_BYTES_PER_S UINT64_C(8000000000)
#define POLL_AT_REST_NS          UINT64_C(20000000)
#define POLL_SHORTEST_NS         UINT64_C(500000)
#define POLL_ARMED_NS            UINT64_C(100000000)
#define POLL_WOKEN_NS            UINT64_C(100000000)

/* Headroom in bytes (UINT64_MAX: there is no threshold to reach), speed in bytes per second; at_rest_ns: usually
 * POLL_AT_REST_NS. */
uint64_t poll_interval_ns(uint64_t headroom, uint64_t speed, uint64_t at_rest_ns, uint64_t longest_ns);

/* The same of a process that is attended already: nothing can be missed, only the history be coarse.  Between
 * 20 ms and 100 ms, by speed: a group that page cache has filled stays at its limit for weeks. */
uint64_t poll_interval_armed_ns(uint64_t headroom, uint64_t speed, uint64_t longest_ns);

/* How often to look at rest when nobody wakes us at the level, and the end comes `headroom` bytes on: twice before it,
 * at full speed.  Between 2 and 20 ms. */
uint64_t poll_unwoken_ns(uint64_t headroom);

/* The fastest growth seen lately: a peak that halves in each second. */
struct poll_speed {
        uint64_t value; /* at time_ns */
        uint64_t time_ns;
        uint64_t peak; /* bytes per second */
};

void poll_speed_update(struct poll_speed *s, uint64_t value, uint64_t now_ns);

#endif
