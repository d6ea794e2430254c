/* SPDX-License-Identifier: MIT */
#include "injector/tracer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector/deadline.h"

#define STACK_SIZE    (128 * 1024)
#define FIFO_PRIORITY 10
#define NICE_PRIORITY (-20)

struct job {
        void (*work)(void *);
        void *arg;
};

static void *tracer_main(void *p)
{
        const struct job *job = p;
        sigset_t tick;

        sigemptyset(&tick);
        sigaddset(&tick, deadline_signal());
        pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
        job->work(job->arg);
        return NULL;
}

int tracer_run(void (*work)(void *), void *arg)
{
        struct job job = {work, arg};
        sigset_t all, before;
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        r = pthread_create(&thread, &attr, tracer_main, &job);
        if (r == 0)
                pthread_join(thread, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}

enum tracer_priority tracer_hurry(void)
{
        struct sched_param fifo = {.sched_priority = FIFO_PRIORITY};

        /* On Linux both calls are for the one thread. */
        if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo) == 0)
                return TRACER_FIFO;
        if (setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_PRIORITY) == 0)
                return TRACER_NICE;
        return TRACER_ORDINARY;
}
