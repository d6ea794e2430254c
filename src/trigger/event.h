/* SPDX-License-Identifier: MIT */
/* event - files that the kernel makes ready when something has happened to one process, behind one fd.
 *
 * The one fd is an epoll instance of its own: readable when any of its files is ready.  A file either belongs to a
 * condition, or only wakes the watcher so that it looks at once (v1's usage thresholds, v2's memory.events).
 */
#ifndef SWANSONG_TRIGGER_EVENT_H
#define SWANSONG_TRIGGER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Files of one process at most: its conditions and a few that wake. */
#define EVENTS_MAX 20

enum event_kind {
        EVENT_PSI,    /* a PSI trigger: EPOLLPRI, once per window; EPOLLERR: its group was removed */
        EVENT_KERNFS, /* memory.events: EPOLLPRI and EPOLLERR together at each change, until it is read again */
        EVENT_BYTES, /* an eventfd, FIFO or socket, O_NONBLOCK: EPOLLIN; what has come has to be read away */
};

/* An open file. */
struct event_source {
        int fd;
        enum event_kind kind;
};

/* Not a condition's: it only wakes. */
#define EVENT_WAKES 31u

struct events {
        int fd; /* to wait for; -1: there are none */
        unsigned n;
        struct {
                struct event_source source;
                unsigned owner; /* a condition's number, or EVENT_WAKES */
        } items[EVENTS_MAX];
};

#define EVENTS_NONE ((struct events){.fd = -1})

/* Add the file, which is taken over (also on failure).  0 or -errno. */
int events_add(struct events *e, struct event_source *s, unsigned owner);

/* What has happened since the last time: a bit for each owner.  A file that has come to its end is closed. */
uint32_t events_take(struct events *e);

void events_close(struct events *e);

#endif
