/* SPDX-License-Identifier: MIT */
#include "agent_so/dump/dump_signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/agent.h"
#include "agent_so/dump/dump.h"
#include "agent_so/service.h"

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

static int number;      /* 0: not taken */
static const char mark; /* its address is what we send: nobody else's signal carries it */

/* Who may signal us with our own user ID is trusted to look at us: Yama's rule against tracing anything but children is
 * lifted for this one process. */
static void allow_tracer(const siginfo_t *info)
{
        if ((info->si_code == SI_USER || info->si_code == SI_QUEUE) && info->si_pid > 0 &&
            (info->si_uid == geteuid() || info->si_uid == 0))
                prctl(PR_SET_PTRACER, info->si_pid, 0, 0, 0);
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
        int saved = errno;
        bool outermost;

        (void)signal_number;
        if (agent_sealed)
                return;
        /* The handler may have interrupted the agent itself: its tables allow that. */
        outermost = agent_enter();
        if (info->si_code == SI_QUEUE && info->si_pid == getpid() && info->si_value.sival_ptr == &mark) {
                if (agent.state == AGENT_ON)
                        dump_answer(context);
        } else if (outermost && agent_ready()) {
                allow_tracer(info);
                dump_ask("signal");
                if (service_runs())
                        service_wake();
                else
                        dump_take(false);
        } else if (agent.state == AGENT_ON) {
                dump_ask("signal"); /* taken by the service thread, or at the next sample */
                service_wake();
        }
        if (outermost)
                agent_leave();
        errno = saved;
}

void dump_signal_install(int signal_number)
{
        struct sigaction before,
                ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

        if (signal_number == 0 || sigaction(signal_number, NULL, &before) < 0 || before.sa_handler != SIG_DFL)
                return;
        sigemptyset(&ours.sa_mask);
        if (sigaction(signal_number, &ours, NULL) == 0)
                number = signal_number;
}

bool dump_signal_installed(void)
{
        return number != 0;
}

int dump_signal_send(pid_t tid)
{
        siginfo_t info = {.si_code = SI_QUEUE};
        struct sigaction now;

        /* The program may have taken the signal for itself since. */
        if (number == 0 || sigaction(number, NULL, &now) < 0 || !(now.sa_flags & SA_SIGINFO) ||
            now.sa_sigaction != on_signal)
                return -ENOTSUP;
        info.si_signo = number;
        info.si_pid = getpid();
        info.si_uid = getuid();
        info.si_value.sival_ptr = (void *)&mark;
        return syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, number, &info) < 0 ? -errno : 0;
}
