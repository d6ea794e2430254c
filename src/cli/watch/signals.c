/* SPDX-License-Identifier: MIT */
#include "cli/watch/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t requests;
static struct sigaction before[ARRAY_SIZE(ending)];

static void count_request(int signo)
{
        if (requests++ == 0)
                return;
        /* Blocked until we return from the handler; then it ends us with the status that a shell expects. */
        signal(signo, SIG_DFL);
        raise(signo);
}

/* Those that end us.  The kernel keeps a blocked signal even if it is ignored: so an ignored one must not be
 * blocked. */
static void ending_set(sigset_t *set)
{
        struct sigaction now;

        sigemptyset(set);
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
                if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
                        sigaddset(set, ending[i]);
}

int watch_signals_open(void)
{
        sigset_t set;
        int fd;

        /* A write to a closed pipe is an error to report, not our end; and an inherited SIG_IGN for SIGCHLD
         * would reap our children before we can. */
        signal(SIGPIPE, SIG_IGN);
        signal(SIGCHLD, SIG_DFL);
        ending_set(&set);
        sigaddset(&set, SIGUSR1);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

void watch_signals_dump_begin(void)
{
        struct sigaction counting = {.sa_handler = count_request, .sa_flags = SA_RESTART};
        sigset_t set;

        ending_set(&counting.sa_mask);
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
                sigaction(ending[i], NULL, &before[i]);
                if (before[i].sa_handler != SIG_IGN)
                        sigaction(ending[i], &counting, NULL);
        }
        ending_set(&set);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void watch_signals_dump_end(void)
{
        sigset_t set;

        ending_set(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
                sigaction(ending[i], &before[i], NULL);
}

bool watch_signals_end_requested(void)
{
        return requests > 0;
}
