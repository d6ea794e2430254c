/* SPDX-License-Identifier: MIT */
/* watch_set - the processes that are being watched, each with its observer. */
#ifndef SWANSONG_CLI_WATCH_SET_H
#define SWANSONG_CLI_WATCH_SET_H

#include "base/target.h"
#include "brake/brake.h"
#include "brake/oom_event.h"
#include "cli/armed/armed.h"
#include "cli/earlier.h"
#include "cli/watch/targets.h"
#include "trigger/observer.h"

#define WATCH_SET_MAX WATCH_MAX

struct watched {
        struct target target;
        struct observer observer;
        struct holder holder; /* with --hold, instead of the attendant */
        struct brake brake;   /* BRAKE_NONE: its group is not braked by us */
        struct oom_event oom_event;
        bool brake_refused; /* said once, not tried again */
        bool brake_spent;   /* not before it has been far from its limit */
        enum arm_state {
                ARM_NONE,
                ARM_ASKED,
                ARM_ATTENDED,
                ARM_DYING,  /* held in its exit, or by its holder at the limit, being captured */
                ARM_WRITTEN /* its bundle is on the way */
        } arm;              /* watch_arm.h */
        bool arm_wanted;    /* it has to be attended */
        bool arms_refused;  /* said once, not tried again */
        bool arm_said;      /* that it is attended: not again after each early dump */
        pid_t tracer;       /* who was seen to trace it, so that we could not; 0: nobody */
        uint64_t tracer_ns; /* monotonic: when to look whether he still does */
        int binaries_fd;    /* its files, for the report (capture/collectors/binaries.h), or -1 */
        bool gone;          /* has ended; a capture of its end may still be written */
        bool captured;      /* there is a bundle of its end */
        struct buf
                maps; /* its mappings when it could not be armed: the kernel's word may name a place in them */
        struct kernel_word *word; /* the kernel's of its kill, or NULL */
        struct thread_capture
                *threads;            /* of one that may not be attended, prepared: watch_witness.h; or NULL */
        struct witness_record *seen; /* what the kernel saw of its kill, or NULL */
        bool near;              /* a place that it is in is near its limit (watch_place.h): to be attended */
        uint64_t next_ns;       /* monotonic: the next tick */
        unsigned failures;      /* dumps that failed, one after the other */
        char *ramp;             /* the first bundle of the present ramp, or NULL */
        struct earlier earlier; /* dumps of it */
        bool ended;             /* to be removed */
};

struct watch_set {
        struct watched *items[WATCH_SET_MAX];
        unsigned n;
};

/* Begin to watch the opened target, which is taken over (also on failure).  0, -ENFILE when the set is full,
 * or -errno of the observer; d is filled.  `notes`: as of observer_open(). */
int watch_set_add(struct watch_set *s, struct target *t, const struct observer_rules *rules,
                  struct machine *m, struct watched **ret, struct buf *notes, struct diag *d);

/* The living process of that PID, or NULL. */
struct watched *watch_set_find(const struct watch_set *s, pid_t pid);

static inline bool watch_set_has(const struct watch_set *s, pid_t pid)
{
        return watch_set_find(s, pid) != NULL;
}

/* Remove those that have ended. */
void watch_set_sweep(struct watch_set *s);
void watch_set_close(struct watch_set *s);

/* The one with the largest RSS, or NULL. */
const struct watched *watch_set_largest(const struct watch_set *s);

#endif
