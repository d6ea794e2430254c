/* SPDX-License-Identifier: MIT */
#include "injector/tracer.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "injector/deadline.h"
#include "injector/priority.h"

/* The deepest work is a capture with its collectors: some 70 KiB, and more under sanitizers. */
#define STACK_SIZE (512 * 1024)

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

int tracer_run(void (*work)(void *), void (*beside)(void *), void *arg)
{
        struct job job = {work, arg};
        struct priority before;
        sigset_t all, mask;
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &mask);
        before = priority_raise(); /* the new thread inherits it */
        r = pthread_create(&thread, &attr, tracer_main, &job);
        if (r == 0) {
                beside(arg);
                pthread_join(thread, NULL);
        }
        priority_restore(&before);
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}
