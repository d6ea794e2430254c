/* SPDX-License-Identifier: MIT */
/* stack_table - the different stacks among many: a thousand threads of a pool have a handful.
 *
 * Each stack is kept once, by its frames' addresses; everything that is slow (symbols, lines, the report's
 * frames) is then done once per stack and not once per thread.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_STACK_TABLE_H
#define SWANSONG_ANALYSIS_STACKS_STACK_TABLE_H

#include "analysis/report.h"
#include "analysis/stacks/unwind.h"

struct stack {
        const struct unwind_frame *frames;
        struct unwind_result result;
        const char *reason;               /* why it ends early, or NULL */
        const struct report_frame *shown; /* filled when the frames have been resolved */
        size_t n_shown;
        size_t n_innermost; /* how many of them the innermost address makes (inlining) */
        size_t same_as;     /* lowest index of a stack that is the same; see stack_table_group() */
};

struct stack_table {
        struct pool *pool;
        struct stack *stacks;
        size_t n, room;
        size_t *slots; /* open addressing: index into stacks + 1, 0: free */
        size_t n_slots;
        size_t n_frames; /* of all stacks */
};

/* The index of the stack with these frames and this end, added if it is new.  0 or -ENOMEM. */
int stack_table_put(struct stack_table *t, const struct unwind_frame *frames,
                    const struct unwind_result *result, size_t *ret);

/* Fill same_as: stacks are the same when their callers are the same to the instruction and the innermost
 * functions by name, so that threads which spin in one loop are one group.  0 or -ENOMEM. */
int stack_table_group(struct stack_table *t);

void stack_table_done(struct stack_table *t);

#endif
