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

/* What the calling thread had; on Linux all these calls are for the one thread. */
struct priority {
        int policy, nice;
        struct sched_param param;
};

static struct priority priority_now(void)
{
        struct priority now = {
                .policy = sched_getscheduler(0),
                .nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)),
        };

        sched_getparam(0, &now.param);
        return now;
}

void tracer_hurry(void)
{
        struct sched_param fifo = {.sched_priority = FIFO_PRIORITY};

        if (sched_setscheduler(0, SCHED_FIFO, &fifo) < 0)
                setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_PRIORITY);
}

static void calm_down(const struct priority *before)
{
        sched_setscheduler(0, before->policy, &before->param);
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), before->nice);
}

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

int tracer_run(void (*work)(void *), void (*beside)(void *), void *arg)
{
        struct job job = {work, arg};
        struct priority before = priority_now();
        sigset_t all, mask;
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &mask);
        tracer_hurry(); /* the new thread inherits it */
        r = pthread_create(&thread, &attr, tracer_main, &job);
        if (r == 0) {
                beside(arg);
                pthread_join(thread, NULL);
        }
        calm_down(&before);
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}
