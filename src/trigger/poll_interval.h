/* SPDX-License-Identifier: MIT */
/* poll_interval - how long the watcher may sleep without missing a threshold.
 *
 * Two bounds, the shorter one counts, never longer than the user's -i:
 *   by speed   half the time in which the fastest growth seen lately would use up the headroom
 *   by fear    the time in which 8 GB/s would: no process was ever seen to touch fresh memory faster (5-7
 * GB/s with huge pages, 2.8 GB/s without), but at rest no less than 20 ms and never shorter than 0.5 ms. What
 * it means for a leak that starts out of rest, at full speed: more than 160 MB below the threshold   the
 * first poll after the start still comes before it; from there on by speed, so that it is seen within 0.5 ms
 * (1.4 MB at 2.8 GB/s) nearer                                 it is seen at most 20 ms late (56 MB) What it
 * costs (poll 5 us with epoll and timer): 0.03 % of a core at 20 ms, nothing measurable at 1 s.
 */
#ifndef SWANSONG_TRIGGER_POLL_INTERVAL_H
#define SWANSONG_TRIGGER_POLL_INTERVAL_H

#include <stdint.h>

#define POLL_FASTEST_BYTES_PER_S UINT64_C(8000000000)
#define POLL_AT_REST_NS          UINT64_C(20000000)
#define POLL_SHORTEST_NS         UINT64_C(500000)

/* Headroom in bytes (UINT64_MAX: there is no threshold to reach), speed in bytes per second. */
uint64_t poll_interval_ns(uint64_t headroom, uint64_t speed, uint64_t longest_ns);

/* The fastest growth seen lately: a peak that halves in each second. */
struct poll_speed {
        uint64_t value; /* at time_ns */
        uint64_t time_ns;
        uint64_t peak; /* bytes per second */
};

void poll_speed_update(struct poll_speed *s, uint64_t value, uint64_t now_ns);

#endif
