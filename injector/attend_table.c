/* SPDX-License-Identifier: MIT */
#include "injector/attend_table.h"

#include <errno.h>
#include <sys/mman.h>

static void *reserve(size_t size)
{
        void *memory =
                mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        return memory == MAP_FAILED ? NULL : memory;
}

int attend_table_init(struct attend_table *t, size_t max_processes, size_t max_threads)
{
        *t = (struct attend_table){.n_slots = 64, .max_threads = max_threads, .max_processes = max_processes};
        while (t->n_slots < 2 * max_threads)
                t->n_slots *= 2;
        t->slots = reserve(t->n_slots * sizeof(*t->slots));
        t->processes = reserve(max_processes * sizeof(*t->processes));
        if (t->slots && t->processes)
                return 0;
        attend_table_done(t);
        return -ENOMEM;
}

void attend_table_done(struct attend_table *t)
{
        if (t->slots)
                munmap(t->slots, t->n_slots * sizeof(*t->slots));
        if (t->processes)
                munmap(t->processes, t->max_processes * sizeof(*t->processes));
        *t = (struct attend_table){0};
}

/* Fibonacci hashing: TIDs come in runs, which this spreads. */
static size_t home_slot(const struct attend_table *t, pid_t tid)
{
        return (size_t)((uint64_t)(uint32_t)tid * 0x9E3779B97F4A7C15u >> 32) & (t->n_slots - 1);
}

static size_t next_slot(const struct attend_table *t, size_t i)
{
        return (i + 1) & (t->n_slots - 1);
}

struct attended_thread *thread_find(struct attend_table *t, pid_t tid)
{
        for (size_t i = home_slot(t, tid); t->slots[i].state != THREAD_NONE; i = next_slot(t, i))
                if (t->slots[i].tid == tid)
                        return &t->slots[i];
        return NULL;
}

static void count(struct attended_thread *thread, size_t by)
{
        struct attended_process *p = thread->process;

        p->n_threads += by;
        if (thread->state == THREAD_RUNNING || thread->state == THREAD_IN_EXIT)
                p->n_living += by;
        if (thread->state == THREAD_IN_EXIT)
                p->n_in_exit += by;
}

struct attended_thread *thread_add(struct attend_table *t, pid_t tid, struct attended_process *process)
{
        size_t i = home_slot(t, tid);

        if (t->n_threads >= t->max_threads)
                return NULL;
        while (t->slots[i].state != THREAD_NONE)
                i = next_slot(t, i);
        t->slots[i] = (struct attended_thread){.tid = tid, .state = THREAD_RUNNING, .process = process};
        t->n_threads++;
        count(&t->slots[i], 1);
        return &t->slots[i];
}

void thread_set(struct attended_thread *thread, enum thread_state state)
{
        count(thread, (size_t)-1);
        thread->state = state;
        count(thread, 1);
}

/* Linear probing without tombstones: entries behind the hole that would no longer be found move up into it.
 */
void thread_remove(struct attend_table *t, struct attended_thread *thread)
{
        size_t hole = (size_t)(thread - t->slots);

        count(thread, (size_t)-1);
        for (size_t i = next_slot(t, hole); t->slots[i].state != THREAD_NONE; i = next_slot(t, i)) {
                size_t from_home = (i - home_slot(t, t->slots[i].tid)) & (t->n_slots - 1);
                size_t from_hole = (i - hole) & (t->n_slots - 1);

                if (from_home >= from_hole) {
                        t->slots[hole] = t->slots[i];
                        hole = i;
                }
        }
        t->slots[hole] = (struct attended_thread){0};
        t->n_threads--;
}

struct attended_process *process_find(struct attend_table *t, pid_t pid)
{
        for (size_t i = 0; i < t->max_processes && pid > 0; i++)
                if (t->processes[i].pid == pid)
                        return &t->processes[i];
        return NULL;
}

struct attended_process *process_add(struct attend_table *t, pid_t pid)
{
        for (size_t i = 0; i < t->max_processes; i++)
                if (t->processes[i].pid == 0) {
                        t->processes[i] = (struct attended_process){.pid = pid};
                        t->n_processes++;
                        return &t->processes[i];
                }
        return NULL;
}

void process_remove(struct attend_table *t, struct attended_process *process)
{
        *process = (struct attended_process){0};
        t->n_processes--;
}
