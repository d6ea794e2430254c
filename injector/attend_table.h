/* SPDX-License-Identifier: MIT */
/* attend_table - which thread belongs to which attended process.  Fixed in size, no allocation after the
 * start. */
#ifndef SWANSONG_INJECTOR_ATTEND_TABLE_H
#define SWANSONG_INJECTOR_ATTEND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum thread_state {
        THREAD_NONE, /* a free slot */
        THREAD_RUNNING,
        THREAD_IN_EXIT, /* held in PTRACE_EVENT_EXIT */
        THREAD_LEAVING, /* let go from there, not yet reaped (a leader stays so until the last thread ends) */
};

struct attended_thread {
        pid_t tid;
        enum thread_state state;
        struct attended_process *process;
        uint64_t resumed_ns; /* resume_before_signal()'s */
};

struct attended_process {
        pid_t pid;        /* 0: a free row */
        size_t n_threads; /* in the table */
        size_t n_living;  /* of these, RUNNING or IN_EXIT */
        size_t n_in_exit;
        bool held;    /* dying() has been told of it, and it was not let go yet */
        bool hurried; /* its threads that are not in their exit yet have been put before others */
        int signal;   /* that kills it, once the first thread is in its exit; else 0 */
        uint64_t first_stop_ns;
};

struct attend_table {
        size_t n_slots; /* a power of two, at least twice max_threads */
        size_t n_threads, max_threads;
        struct attended_thread *slots; /* open addressing by TID */
        size_t n_processes, max_processes;
        struct attended_process *processes;
};

int attend_table_init(struct attend_table *t, size_t max_processes, size_t max_threads);
void attend_table_done(struct attend_table *t);

struct attended_thread *thread_find(struct attend_table *t, pid_t tid);

/* A thread that runs.  NULL when the table is full. */
struct attended_thread *thread_add(struct attend_table *t, pid_t tid, struct attended_process *process);
void thread_remove(struct attend_table *t, struct attended_thread *thread);

/* Change the state and keep the process's counts. */
void thread_set(struct attended_thread *thread, enum thread_state state);

struct attended_process *process_find(struct attend_table *t, pid_t pid);
struct attended_process *process_add(struct attend_table *t, pid_t pid);
void process_remove(struct attend_table *t, struct attended_process *process);

#endif
