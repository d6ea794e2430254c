/* SPDX-License-Identifier: MIT */
#include "injector/deadline.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define TICKS       10
#define TICK_NS_MIN NS_PER_MS /* ticks must leave time to do something between them */

int deadline_signal(void)
{
        return SIGRTMAX - 2;
}

/* SA_NODEFER: a jump out of the handler leaves the signal unblocked. */
static void on_tick(int signal, siginfo_t *info, void *context)
{
        struct deadline *d = info->si_value.sival_ptr;

        (void)signal;
        (void)context;
        if (info->si_code == SI_TIMER && d->may_escape && clock_monotonic_ns() >= d->end_ns) {
                d->may_escape = 0;
                siglongjmp(d->escape, 1);
        }
}

int deadline_make(struct deadline *d)
{
        struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_NODEFER};
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = deadline_signal()};

        event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
        event.sigev_value.sival_ptr = d;
        d->may_escape = 0;
        if (sigaction(deadline_signal(), &action, NULL) < 0)
                return -errno;
        return timer_create(CLOCK_MONOTONIC, &event, &d->timer) < 0 ? -errno : 0;
}

void deadline_free(struct deadline *d)
{
        timer_delete(d->timer);
}

void deadline_start(struct deadline *d, uint64_t duration_ns)
{
        struct timespec tick;
        struct itimerspec t;

        d->begin_ns = clock_monotonic_ns();
        d->end_ns = d->begin_ns + duration_ns;
        d->tick_ns = duration_ns / TICKS > TICK_NS_MIN ? duration_ns / TICKS : TICK_NS_MIN;
        tick = (struct timespec){(time_t)(d->tick_ns / NS_PER_S), (long)(d->tick_ns % NS_PER_S)};
        t = (struct itimerspec){.it_value = tick, .it_interval = tick};
        timer_settime(d->timer, 0, &t, NULL);
}

void deadline_stop(struct deadline *d)
{
        timer_settime(d->timer, 0, &(struct itimerspec){0}, NULL);
}
