/* SPDX-License-Identifier: MIT */
/* stack_groups - which threads have the same stack. */
#ifndef SWANSONG_RENDER_STACK_GROUPS_H
#define SWANSONG_RENDER_STACK_GROUPS_H

#include "analysis/report.h"
#include "base/cleanup.h"

struct stack_group {
        const size_t *members; /* indices of the threads with this stack, ascending */
        size_t n;
};

struct stack_groups {
        struct stack_group *list; /* the most frequent stack first */
        size_t n;
        size_t *members;
};

/* 0 or -ENOMEM.  The caller ends with stack_groups_done(). */
int stack_groups_of(const struct report *r, struct stack_groups *ret);
void stack_groups_done(struct stack_groups *g);

#define _cleanup_stack_groups_ _cleanup_(stack_groups_done)

#endif
