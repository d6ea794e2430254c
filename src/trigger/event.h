/* SPDX-License-Identifier: MIT */
/* event - files that the kernel makes ready when something has happened to one process.
 *
 * A file either belongs to a condition, or only wakes the watcher so that it looks at once (v1's usage
 * thresholds, v2's memory.events).  Whoever waits has each of them in his own epoll set: an epoll instance of
 * ours within his would swallow PSI events, which the kernel takes back at the first look (psi_trigger_poll()).
 */
#ifndef SWANSONG_TRIGGER_EVENT_H
#define SWANSONG_TRIGGER_EVENT_H

#include <stdint.h>

#include "base/cleanup.h"

/* Files of one process at most. */
#define EVENTS_MAX 8

enum event_kind {
        EVENT_PSI,    /* a PSI trigger: EPOLLPRI, once per window; EPOLLERR: its group was removed */
        EVENT_KERNFS, /* memory.events: EPOLLPRI and EPOLLERR together at each change, until it is read again */
        EVENT_BYTES, /* an eventfd, FIFO or socket, O_NONBLOCK: EPOLLIN; what has come has to be read away */
};

/* An open file. */
struct event_source {
        int fd;
        enum event_kind kind;
        const char *whose; /* static: "this machine" */
};

/* Not a condition's: it only wakes. */
#define EVENT_WAKES 31u

struct events {
        unsigned n;
        struct {
                struct event_source source;
                unsigned owner; /* a condition's number, or EVENT_WAKES */
        } items[EVENTS_MAX];
};

/* Add the file, which is taken over (also on failure).  0 or -ENOSPC. */
int events_add(struct events *e, struct event_source *s, unsigned owner);

/* What to wait for. */
uint32_t event_mask(enum event_kind kind);

/* Item i is ready: acknowledge it.  1: something has happened; 0: it has not; -ENODATA: the file has come to its
 * end and would be ready for ever.  Then take it out of the epoll set by name, before it is closed: children that were
 * forked meanwhile hold it, too. */
int events_take(struct events *e, unsigned i, uint32_t ready);

void events_close(struct events *e);

#endif
