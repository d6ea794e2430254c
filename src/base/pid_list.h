/* SPDX-License-Identifier: MIT */
/* pid_list - a growing list of PIDs; sorted, it is a set. */
#ifndef SWANSONG_BASE_PID_LIST_H
#define SWANSONG_BASE_PID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct pid_list {
        pid_t *items;
        size_t n, size;
};

void pid_list_done(struct pid_list *l);

/* 0 or -ENOMEM. */
int pid_list_add(struct pid_list *l, pid_t pid);

/* Ascending, each once. */
void pid_list_sort(struct pid_list *l);

/* Is it in the list, which is sorted? */
bool pid_list_has(const struct pid_list *l, pid_t pid);

/* Add the processes of the machine, as far as /proc shows them.  0 or -errno. */
int pid_list_add_all(struct pid_list *l);

#define _cleanup_pid_list_ _cleanup_(pid_list_done)

#endif
