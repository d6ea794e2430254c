/* SPDX-License-Identifier: MIT */
#include "injector/priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE_PRIORITY (-20)

/* On Linux all these calls are for the one thread. */
struct priority priority_raise(void)
{
        struct sched_param fifo = {.sched_priority = PRIORITY_CAPTURE};
        struct priority before = {
                .policy = sched_getscheduler(0),
                .nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)),
        };

        sched_getparam(0, &before.param);
        if (sched_setscheduler(0, SCHED_FIFO, &fifo) < 0)
                setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_PRIORITY);
        return before;
}

void priority_raise_alone(enum priority_rank rank)
{
        struct sched_param fifo = {.sched_priority = (int)rank}, other = {0};

        if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo) == 0)
                return;
        if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &other) == 0)
                setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_PRIORITY);
}

/* The flag is also the mark by which it is known again: nobody else combines these.  The nice value is kept. */
#define RAISED_POLICY (SCHED_FIFO | SCHED_RESET_ON_FORK)

void priority_raise_other(pid_t tid)
{
        struct sched_param lowest = {.sched_priority = 1};

        if (sched_getscheduler(tid) == SCHED_OTHER)
                sched_setscheduler(tid, RAISED_POLICY, &lowest);
}

void priority_lower_other(pid_t tid)
{
        struct sched_param none = {0};

        if (sched_getscheduler(tid) == RAISED_POLICY)
                sched_setscheduler(tid, SCHED_OTHER, &none);
}

void priority_restore(const struct priority *before)
{
        sched_setscheduler(0, before->policy, &before->param);
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), before->nice);
}
