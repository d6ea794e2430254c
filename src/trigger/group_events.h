/* SPDX-License-Identifier: MIT */
/* group_events - have the kernel wake the watcher when a memory group fills, so that it need not look often.
 *
 *   cgroup v1  a threshold of the group's usage: one line "EVENTFD USAGEFD BYTES" to cgroup.event_control; the eventfd
 *              counts each crossing within 0.1 ms (Documentation/admin-guide/cgroup-v1/memory.rst, 9)
 *   cgroup v2  has no thresholds.  memory.events changes when a group passes memory.high or runs into memory.max:
 *              early enough where there is page cache to take first, else too late
 *
 * Never more than a wake-up: whoever is woken reads the usage himself.  Both need a group of ours to write to, or to
 * read; without, looking often is what is left.
 */
#ifndef SWANSONG_TRIGGER_GROUP_EVENTS_H
#define SWANSONG_TRIGGER_GROUP_EVENTS_H

#include <stdbool.h>

#include "base/size.h"
#include "trigger/event.h"
#include "trigger/limit.h"

struct group_events {
        int eventfd; /* that of `struct events`, not ours to close; -1: no thresholds */
        unsigned n_written;
        uint64_t thresholds[LIMIT_LEVELS]; /* of each level of the limit_reader, bytes; 0: none */
};

#define GROUP_EVENTS_NONE ((struct group_events){.eventfd = -1})

/* Add what wakes to `e`: before its fds are waited for. */
void group_events_open(const struct limit_reader *l, struct group_events *ret, struct events *e);

/* Ask to be woken when any group with a limit passes `level` of it; again after each limit_read().  True: the kernel
 * will wake us for every one of them. */
bool group_events_set(struct group_events *g, const struct limit_reader *l, const struct size_spec *level);

/* The limit_reader is another group's now.  What was added to the events stays the old one's: on v2 looking often is what
 * is left. */
void group_events_moved(struct group_events *g);

/* "17 18 734003200", for cgroup.event_control. */
void group_events_line(int eventfd, int usage_fd, uint64_t bytes, char *out, size_t size);

#endif
