/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/watch/signals.h"

/* Run f in a child; its wait status. */
static int in_child(void (*f)(void))
{
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
                for (int i = 1; i < 32; i++)
                        signal(i, SIG_DFL);
                f();
                _exit(0);
        }
        waitpid(child, &status, 0);
        return status;
}

static void one_request_during_a_dump(void)
{
        if (watch_signals_open() < 0)
                _exit(1);
        watch_signals_dump_begin();
        raise(SIGINT);
        watch_signals_dump_end();
        _exit(watch_signals_end_requested() ? 42 : 2);
}

Test(watch_signals, a_dump_outlives_the_first_request_to_end)
{
        int status = in_child(one_request_during_a_dump);

        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void two_requests_during_a_dump(void)
{
        if (watch_signals_open() < 0)
                _exit(1);
        watch_signals_dump_begin();
        raise(SIGTERM);
        raise(SIGINT);
        _exit(3);
}

Test(watch_signals, the_second_request_ends_it_on_the_spot)
{
        int status = in_child(two_requests_during_a_dump);

        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "%x", status);
}

static void request_outside_a_dump(void)
{
        struct signalfd_siginfo info;
        int fd = watch_signals_open();

        watch_signals_dump_begin();
        watch_signals_dump_end();
        raise(SIGHUP);
        if (watch_signals_end_requested() || read(fd, &info, sizeof(info)) != sizeof(info))
                _exit(4);
        _exit((int)info.ssi_signo);
}

Test(watch_signals, come_through_the_fd_otherwise)
{
        int status = in_child(request_outside_a_dump);

        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == SIGHUP, "%x", status);
}

static void ignored_by_the_caller(void)
{
        struct signalfd_siginfo info;
        int fd;

        signal(SIGINT, SIG_IGN);
        fd = watch_signals_open();
        raise(SIGINT);
        watch_signals_dump_begin();
        raise(SIGINT);
        raise(SIGINT);
        watch_signals_dump_end();
        _exit(watch_signals_end_requested() || read(fd, &info, sizeof(info)) > 0 ? 5 : 42);
}

Test(watch_signals, that_the_caller_ignored_stay_ignored)
{
        int status = in_child(ignored_by_the_caller);

        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%x", status);
}
