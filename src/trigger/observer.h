/* SPDX-License-Identifier: MIT */
/* observer - one watched process and the conditions on it: sampled, remembered, judged; no printing, no dump.
 *
 *   observer_open() ── observer_tick() → the conditions that fire (a bit each) and how long to sleep
 *                        └─ after the dump: observer_fired() or observer_failed()
 * A tick allocates nothing; all memory is reserved by the caller's struct (some 27 KiB, most of it history).
 */
#ifndef SWANSONG_TRIGGER_OBSERVER_H
#define SWANSONG_TRIGGER_OBSERVER_H

#include "base/target.h"
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
        uint64_t longest_ns; /* the longest poll interval */
        uint64_t cooldown_ns;
};

struct observer {
        struct sampler sampler;
        struct limit_reader limits;
        struct trigger_wholes wholes;
        uint64_t wholes_ns; /* when they were last read */
        struct {
                uint64_t level; /* bytes; UINT64_MAX: cannot come true */
                struct rearm rearm;
                struct poll_speed speed;
        } conditions[TRIGGERS_MAX];
        struct history history;
};

/* 0 or -errno with d filled; a condition whose source cannot be read is an error now, not when it is needed.
 */
int observer_open(const struct target *t, const struct observer_rules *rules, struct machine *m,
                  struct observer *ret, struct diag *d);
void observer_close(struct observer *o);

/* Measure and judge.  Returns the firing conditions as bits 0..n_triggers-1; -ESRCH: the process has no
 * memory any more. *ret_sleep_ns: until the next tick. */
int observer_tick(struct observer *o, const struct observer_rules *rules, struct machine *m,
                  uint64_t *ret_sleep_ns);

/* Of the bits that observer_tick() returns: those that arm and take no dump. */
int observer_arming(const struct observer_rules *rules);

/* Is the value still near the level that armed (not 5 % below it)? */
bool observer_wants_arms(const struct observer *o, const struct observer_rules *rules);

/* The kind of the first of these conditions, and a sentence that tells of them all and of the growth. */
const char *observer_kind(const struct observer_rules *rules, int fired);
void observer_explain(const struct observer *o, const struct observer_rules *rules, int fired,
                      struct buf *out);

/* Tell it what became of the dump.  Both count from now on. */
void observer_fired(struct observer *o, const struct observer_rules *rules, int fired);
void observer_failed(struct observer *o, const struct observer_rules *rules, int fired, uint64_t wait_ns);

#endif
