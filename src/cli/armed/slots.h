/* SPDX-License-Identifier: MIT */
/* armed_slots - the captures that can be made at the same time, step by step, by a few threads, while the attendant goes on
 * answering.
 *
 *   FREE ── slot_begin() ─▶ WAITING ◀─▶ TAKING ── the last step ─▶ TAKEN ── slot_renew() ─▶ RENEWING ─▶ FREE
 *
 * There are as many slots as targets, up to a limit, and fewer threads than slots: sixteen processes killed at once all have
 * their registers and stacks taken before the first one's sockets are looked at, and those before any smaps (at_kill.h).
 * Threads and memory are there before the first kill; one ballast serves them all.  All calls come from the attendant.
 */
#ifndef SWANSONG_CLI_ARMED_SLOTS_H
#define SWANSONG_CLI_ARMED_SLOTS_H

#include <semaphore.h>

#include "cli/armed/ballast.h"
#include "cli/armed/internal.h"

/* Each is 1 MiB that is in use.  Of more victims at once the last wait for a slot. */
#define SLOTS_MAX ARMED_AT_ONCE

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_TAKING, SLOT_TAKEN, SLOT_RENEWING };

struct slot {
        _Atomic int state;    /* enum slot_state */
        _Atomic size_t steps; /* that have been taken of it */
        struct at_kill *kill;
        struct attended *target;              /* from WAITING to TAKEN */
        int signal;                           /* that kills it */
        uint64_t dying_ns, end_ns, let_go_ns; /* first stop; the budget's end; 0 until it was let go */
        bool gone;                            /* it has died */
};

struct slots {
        struct slot items[SLOTS_MAX];
        _Atomic unsigned n;
        size_t max_threads;
        int done_fd; /* readable when a capture is complete; not ours to close */
        sem_t steps; /* for each slot that is WAITING */
        sem_t renew; /* for each slot that is RENEWING */
        struct ballast ballast;
        sem_t fill;
};

/* 0 or -errno. */
int slots_make(struct slots *s, size_t max_threads, int done_fd);

/* There are so many targets: get ready for all of them, soon. */
void slots_want(struct slots *s, unsigned n);

/* One that is FREE, or NULL. */
struct slot *slots_free(struct slots *s);
bool slots_busy(const struct slots *s);
/* Is there one of which something is still to be taken? */
bool slots_capture(const struct slots *s);

/* In attend_calls.dying, before anything else: give the ballast up. */
void slots_make_room(struct slots *s);

/* In attend_calls.dying: read the registers, have the rest taken. */
void slot_begin(struct slots *s, struct slot *slot, struct attended *target, const struct attend_dying *dying,
                uint64_t budget_ns, enum census_how census);

/* TAKEN, and a writer has been forked: get ready for the next. */
void slot_renew(struct slots *s, struct slot *slot);

static inline enum slot_state slot_state(const struct slot *slot)
{
        return (enum slot_state)atomic_load(&slot->state);
}

static inline bool slot_captures(const struct slot *slot)
{
        return slot_state(slot) == SLOT_WAITING || slot_state(slot) == SLOT_TAKING;
}

#endif
