/* SPDX-License-Identifier: MIT */
#include "injector/tracee.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

int tracee_seize(pid_t tid)
{
        return ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ? -errno : 0;
}

int tracee_interrupt(pid_t tid)
{
        return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ? -errno : 0;
}

/* The signal of a signal-delivery-stop.  All other stops of a seized thread carry an event in the second
 * byte: PTRACE_EVENT_STOP (our interrupt, or a group-stop), PTRACE_EVENT_EXIT... */
static int stop_signal(int status)
{
        return status >> 8 ? 0 : status & 0x7f;
}

int tracee_wait(struct tracee *t, pid_t process, bool block)
{
        int flags = WEXITED | WSTOPPED | WNOWAIT | __WALL | (block ? 0 : WNOHANG);
        siginfo_t info = {0};

        if (waitid(P_PID, (id_t)t->tid, &info, flags) < 0) {
                if (errno == EINTR)
                        return -EINTR;
                t->state = TRACEE_GONE;
                return 0;
        }
        if (info.si_pid == 0)
                return -EAGAIN;
        if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
                t->state = TRACEE_STOPPED;
                t->signal = stop_signal(info.si_status);
                return 0;
        }
        t->state = TRACEE_GONE;
        /* A thread has nobody but its tracer to reap it; an exec waits for that.  The process has a parent.
         * */
        if (t->tid != process)
                waitid(P_PID, (id_t)t->tid, &info, WEXITED | WNOHANG | __WALL);
        return 0;
}

int tracee_registers(pid_t tid, void *ret_gregs, size_t size)
{
        struct iovec io = {ret_gregs, size};

        if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) < 0)
                return -errno;
        return io.iov_len == size ? 0 : -ENOTSUP;
}

void tracee_release(const struct tracee *t)
{
        /* ESRCH: it was killed meanwhile, and has left the stop by itself. */
        ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(long)t->signal);
}
