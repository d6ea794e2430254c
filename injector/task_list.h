/* SPDX-License-Identifier: MIT */
/* task_list - the thread IDs in /proc/PID/task, again and again, without allocating.
 *
 * The kernel lists threads in the order in which they began, so that a second listing is the first one
 * without the threads that ended, and new ones behind.
 */
#ifndef SWANSONG_INJECTOR_TASK_LIST_H
#define SWANSONG_INJECTOR_TASK_LIST_H

#include <stdint.h>
#include <sys/types.h>

struct task_list {
        int fd; /* /proc/PID/task */
        long len, at;
        _Alignas(8) char entries[16384];
};

/* proc_fd: the directory /proc/PID.  0 or -errno. */
int task_list_open(int proc_fd, struct task_list *ret);
void task_list_close(struct task_list *l);

/* Start again from the first thread. */
void task_list_rewind(struct task_list *l);

/* 1 and the next thread; 0 at the end (or when the process is gone). */
int task_list_next(struct task_list *l, pid_t *ret_tid);

/* How many threads there are now, ended ones included that nobody has reaped; 1 us however many.  The
 * directory's link count: fs/proc/base.c, proc_task_getattr().  0 when the process is gone. */
unsigned task_list_count(const struct task_list *l);

#endif
