/* SPDX-License-Identifier: MIT */
/* observer - one watched process and the conditions on it: sampled, remembered, judged; no printing, no dump.
 *
 *   observer_open() ── observer_tick() → the conditions that fire (a bit each) and how long to sleep
 *                        ├─ after the dump: observer_fired() or observer_failed()
 *                        └─ observer_arming() → the conditions for which the process is to be attended now
 * When one of the files in o->events becomes ready: observer_hear(), then tick at once.
 * A tick allocates nothing; all memory is reserved by the caller's struct (some 30 KiB, most of it history).
 */
#ifndef SWANSONG_TRIGGER_OBSERVER_H
#define SWANSONG_TRIGGER_OBSERVER_H

#include "base/target.h"
#include "trigger/event.h"
#include "trigger/group_events.h"
#include "trigger/history.h"
#include "trigger/limit.h"
#include "trigger/poll_interval.h"
#include "trigger/rearm.h"
#include "trigger/sampler.h"
#include "trigger/trigger.h"

/* What all observers of a watcher share. */
struct observer_rules {
        struct trigger triggers[TRIGGERS_MAX];
        unsigned n_triggers;
        bool snapshot;       /* the conditions that forewarn take dumps, too */
        bool never_armed;    /* whatever comes true, nobody attends */
        uint64_t longest_ns; /* the longest poll interval */
        uint64_t cooldown_ns;
};

struct observer {
        struct sampler sampler;
        struct limit_reader limits;
        struct trigger_wholes wholes;
        uint64_t wholes_ns; /* when they were last read */
        int nearest;        /* the level of `limits` that wholes.nearest is */
        struct {
                uint64_t level; /* bytes; UINT64_MAX: cannot come true */
                struct rearm rearm;
                struct poll_speed speed;
                bool near;         /* has come true, and has not been over for long */
                uint64_t true_ns;  /* monotonic: when it last was true */
                bool happened;     /* an event that was not judged yet */
                const char *event; /* whose */
        } conditions[TRIGGERS_MAX];
        struct events events;
        struct group_events group_events;
        bool woken; /* the kernel wakes us where arming begins */
        struct history history;
};

/* 0 or -errno with d filled; a condition whose source cannot be read is an error now, not when it is needed,
 * or, where the other conditions do without, a line in `notes`: "--psi some 100ms/1s can never come true: ...\n".
 */
int observer_open(const struct target *t, const struct observer_rules *rules, struct machine *m,
                  struct observer *ret, struct buf *notes, struct diag *d);
void observer_close(struct observer *o);

/* How long a capture of the process takes, for conditions with TRIGGER_NEEDS_COST. */
void observer_set_capture(struct observer *o, const struct observer_rules *rules, uint64_t capture_ns);
bool observer_needs_capture(const struct observer_rules *rules);

/* File i of o->events is ready (epoll's bits): remember what has happened for the next tick.  0, or -ENODATA as of
 * events_take(). */
int observer_hear(struct observer *o, unsigned i, uint32_t ready);

/* Measure and judge.  Returns the conditions that call for a dump as bits 0..n_triggers-1; -ESRCH: the process
 * has no memory any more. *ret_sleep_ns: until the next tick. */
int observer_tick(struct observer *o, const struct observer_rules *rules, struct machine *m,
                  uint64_t *ret_sleep_ns);

/* The conditions, as bits, for which the process is to be attended, as of the last tick; 0: none. */
int observer_arming(const struct observer *o, const struct observer_rules *rules);

/* How far condition i is, as of the last tick.  False: it is an event, or can never come true. */
struct observer_progress {
        uint64_t value, level; /* bytes; the value may be SAMPLE_UNKNOWN */
        uint64_t speed;        /* bytes per second, lately at the most */
};
bool observer_progress(const struct observer *o, const struct observer_rules *rules, unsigned i,
                       struct observer_progress *ret);

/* The kind of the first of these conditions, and a sentence that tells of them all and of the growth. */
const char *observer_kind(const struct observer_rules *rules, int fired);
void observer_explain(const struct observer *o, const struct observer_rules *rules, int fired,
                      struct buf *out);

/* Has a condition fired that was not over since?  Then the next dump shows the same rise. */
bool observer_in_ramp(const struct observer *o, const struct observer_rules *rules);

/* Tell it what became of the dump.  Both count from now on. */
void observer_fired(struct observer *o, const struct observer_rules *rules, int fired);
void observer_failed(struct observer *o, const struct observer_rules *rules, int fired, uint64_t wait_ns);

#endif
