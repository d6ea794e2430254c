/* SPDX-License-Identifier: MIT */
/* sample - the slow paths: what happens when a sample point falls into an allocation, or a sampled block may go. */
#ifndef SWANSONG_AGENT_SO_SAMPLING_SAMPLE_H
#define SWANSONG_AGENT_SO_SAMPLING_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_so/agent.h"
#include "agent_so/sampling/countdown.h"
#include "agent_so/sampling/filter.h"
#include "base/unwind/unwind_machine.h"

/* Count n bytes; true: a sample point was in them (or the thread has just begun), and is until the next distance is drawn. */
static inline bool sample_due(size_t n)
{
        if (likely(!countdown_take(&agent_thread.left, n)))
                return false;
        agent_thread.left = 0;
        return true;
}

/* A sample point was passed: is this allocation to be recorded?  Draws the next distance; *ret_mean is the mean of the
 * one that ended.  A thread's first call only begins, and may find that the point lies further on.  Inside only. */
bool sample_draw(size_t n, uint64_t *ret_mean);

/* The program got a block: record it with the stack that begins at `regs`.  Inside only. */
void sample_add(void *p, size_t n, uint64_t mean, enum recorder_stack_kind kind,
                const struct unwind_regs *regs);

/* The block p of n bytes, for which a sample point was passed, is the program's now.  Inlined, so that the registers are
 * taken right below the function that the program called: few frames of ours are to be unwound. */
static inline __attribute__((always_inline)) void *sample_passed(void *p, size_t n)
{
        struct unwind_regs regs;
        uint64_t mean;

        if (!agent_enter())
                return p;
        if (agent_ready() && sample_draw(n, &mean) && p) {
                unwind_regs_here(&regs);
                sample_add(p, n, mean, RECORDER_STACK_HEAP, &regs);
        }
        agent_leave();
        return p;
}

/* The program gives a block back: forget it, if it was recorded.  May be called anywhere; before the real free(). */
void sample_remove(void *p);

#endif
