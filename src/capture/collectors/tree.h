/* SPDX-License-Identifier: MIT */
/* tree - who descends from whom, out of a list of (PID, parent).  No I/O in what is declared here. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_TREE_H
#define SWANSONG_CAPTURE_COLLECTORS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_node {
        pid_t pid, ppid;
        uint64_t start_ticks;
};

struct tree {
        struct tree_node *nodes;
        size_t n, size;
};

int tree_add(struct tree *t, pid_t pid, pid_t ppid, uint64_t start_ticks); /* 0 or -ENOMEM */
void tree_done(struct tree *t);

/* The ancestors of `pid` (nearest first, beginning with ppid), then its descendants (breadth first, at most
 * `max`, *ret_more if there are more).  Sorts t. A malloc'ed array for the caller to free.  0 or -ENOMEM. */
int tree_relatives(struct tree *t, pid_t pid, pid_t ppid, size_t max, struct tree_node **ret, size_t *ret_n,
                   bool *ret_more);

#endif
