/* SPDX-License-Identifier: MIT */
/* armed_slots - the captures that can be made at the same time, each by a thread of its own, while the attendant goes on
 * answering.
 *
 *   FREE ── slot_begin() ─▶ TAKING ── the thread ─▶ TAKEN ── slot_renew() ─▶ RENEWING ── the thread ─▶ FREE
 *
 * Threads and memory are there before the first kill; one ballast serves them all.  All calls come from the attendant.
 */
#ifndef SWANSONG_CLI_ARMED_SLOTS_H
#define SWANSONG_CLI_ARMED_SLOTS_H

#include <semaphore.h>

#include "cli/armed_internal.h"

#define SLOTS_MAX 4

enum slot_state { SLOT_FREE, SLOT_TAKING, SLOT_TAKEN, SLOT_RENEWING };

struct slot {
        _Atomic int state; /* enum slot_state */
        struct at_kill *kill;
        struct attended *target;              /* while TAKING and TAKEN */
        int signal;                           /* that kills it */
        uint64_t dying_ns, end_ns, let_go_ns; /* first stop; the budget's end; 0 until it was let go */
        bool gone;                            /* it has died */

        struct slots *all;
        sem_t go;
};

struct slots {
        struct slot items[SLOTS_MAX];
        unsigned n;
        size_t max_threads;
        int done_fd; /* readable when a thread has done its work; not ours to close */
        _Atomic(void *) ballast;
        sem_t fill;
};

/* 0 or -errno. */
int slots_make(struct slots *s, size_t max_threads, int done_fd);

/* One that is FREE, or NULL. */
struct slot *slots_free(struct slots *s);
bool slots_busy(const struct slots *s);

/* In attend_calls.dying: read the registers, have the rest taken. */
void slot_begin(struct slot *slot, struct attended *target, const struct attend_dying *dying,
                uint64_t budget_ns);

/* TAKEN, and a writer has been forked: get ready for the next. */
void slot_renew(struct slot *slot);

static inline enum slot_state slot_state(const struct slot *slot)
{
        return (enum slot_state)atomic_load(&slot->state);
}

#endif
