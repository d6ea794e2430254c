/* SPDX-License-Identifier: MIT */
/* places - where memory can run out: the machine, and memory groups that have a limit.  Which of them is close to it?
 *
 * For a watch on a whole group or machine: a thousand processes share a few places, and one read of 0.5 us tells of them
 * all.  A place is near from --arm's level on until it has been 5 % below it; how often it is looked at follows
 * poll_interval.h, each by its own headroom and speed.
 * Groups and limits come and go: the tree is walked again every 1 to 10 s, for a thousandth of a core.
 */
#ifndef SWANSONG_TRIGGER_PLACES_H
#define SWANSONG_TRIGGER_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory_group.h"
#include "trigger/conditions/machine.h"
#include "trigger/poll_interval.h"
#include "trigger/trigger.h"

struct place {
        char *dir;                              /* the group's directory; NULL: the machine */
        const struct memory_group_gauge *gauge; /* which of its limits; NULL: the machine */
        bool holds_all;                         /* every process that is watched is in it */
        uint64_t limit;                         /* bytes */
        uint64_t swap;                          /* bytes of swap that may be used beside */
        uint64_t used;                          /* bytes, at the last look */
        uint64_t level;                         /* near from here on; UINT64_MAX: never */
        bool near;
        bool seen;        /* by the walk that is going on */
        int usage_fd;     /* -1: the machine */
        uint64_t next_ns; /* monotonic: the next look */
        struct poll_speed speed;
};

struct places {
        const struct trigger *arm; /* --arm's level */
        bool ranked;               /* who is attended changes with the ranking, near a limit, too */
        uint64_t longest_ns;       /* the longest poll interval */
        struct memory_group group; /* whose processes are watched */
        bool has_group;            /* there are memory groups at all */
        char *dir;                 /* of `group` */
        struct place *items;
        size_t n, size;
        uint64_t walk_ns; /* the next walk */
};

/* The group's places: itself, those above and those below it that have a limit, and the machine.  group NULL: all
 * groups.  `arm` must live on.  0 or -ENOMEM. */
int places_open(struct places *ret, const struct memory_group *group, const struct trigger *arm, bool ranked,
                uint64_t longest_ns, struct machine *m);
void places_close(struct places *p);

/* Look at those that are due.  Returns whether some place has become near, or is near no more. */
bool places_look(struct places *p, struct machine *m, uint64_t now_ns);

/* When to look again, monotonic. */
uint64_t places_next_ns(const struct places *p);

/* The place that fills first at the present speed, or with the largest share used; for the line at the start. */
const struct place *places_fullest(const struct places *p);

/* "memory group /a", "this machine's memory"; raw bytes. */
void place_name(const struct places *p, const struct place *place, struct buf *out);

/* Bytes to its limit, and how long they last at the present speed (UINT64_MAX: it does not grow). */
uint64_t place_headroom(const struct place *place);
uint64_t place_time_left_ns(const struct place *place);

#endif
