/* SPDX-License-Identifier: MIT */
/* resume, x86_64.
 *
 * When the thread leaves the stop, the kernel looks at orig_rax and rax (arch_do_signal_or_restart(),
 * arch/x86/kernel/signal.c).  So -EINTR in rax is turned into -ERESTARTNOHAND, and the kernel itself does the
 * rest, without a gap: it begins the call again if no handler is to run, and returns EINTR if one is, as the
 * program may rely on.  A relative timeout starts again from its full length.
 *
 * Only for calls that can be begun again: close() may return EINTR too, and must not be repeated.
 */
#include "injector/resume.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "injector/tracee.h"

#define ERESTARTNOHAND 514 /* include/linux/errno.h; never seen by programs */

/* Longer than a timeout usually is. */
#define SOMETIME_NS (60 * NS_PER_S)

/* How long the call waits at most.  SOMETIME: a timeout that it does not name (SO_RCVTIMEO); without one it would be begun
 * again by the kernel. */
enum timeout { NEVER, SOMETIME, MS_IN_R10, AT_R10, AT_RDX, AT_R8 };

static const struct call {
        uint16_t nr;
        uint8_t timeout;
} restartable[] = {
        {SYS_read, SOMETIME},
        {SYS_write, SOMETIME},
        {SYS_readv, SOMETIME},
        {SYS_writev, SOMETIME},
        {SYS_recvfrom, SOMETIME},
        {SYS_recvmsg, SOMETIME},
        {SYS_recvmmsg, SOMETIME},
        {SYS_sendto, SOMETIME},
        {SYS_sendmsg, SOMETIME},
        {SYS_sendmmsg, SOMETIME},
        {SYS_accept, SOMETIME},
        {SYS_accept4, SOMETIME},
        {SYS_connect, SOMETIME},
        {SYS_epoll_wait, MS_IN_R10},
        {SYS_epoll_pwait, MS_IN_R10},
        {441 /* epoll_pwait2, Linux 5.11 */, AT_R10},
        {SYS_semop, NEVER},
        {SYS_semtimedop, AT_R10},
        {SYS_msgrcv, NEVER},
        {SYS_msgsnd, NEVER},
        {SYS_rt_sigtimedwait, AT_RDX},
        {SYS_io_getevents, AT_R8},
        {333 /* io_pgetevents */, AT_R8},
        {426 /* io_uring_enter */, SOMETIME},
};

/* The call that has just been interrupted, or NULL. */
static const struct call *interrupted_call(const struct user_regs_struct *regs)
{
        if ((int64_t)regs->rax != -EINTR || (int64_t)regs->orig_rax < 0)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(restartable); i++)
                if (restartable[i].nr == regs->orig_rax)
                        return &restartable[i];
        return NULL;
}

static void begin_again(pid_t tid)
{
        ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), -(long)ERESTARTNOHAND);
}

void resume_unnoticed(pid_t tid, const void *gregs)
{
        if (interrupted_call(gregs))
                begin_again(tid);
}

/* struct timespec of the thread's memory; a NULL is for ever.  What cannot be read is as good as unknown. */
static uint64_t timespec_at(pid_t tid, uint64_t address)
{
        long seconds, ns;

        if (address == 0)
                return UINT64_MAX;
        errno = 0;
        seconds = ptrace(PTRACE_PEEKDATA, tid, (void *)address, NULL);
        ns = errno == 0 ? ptrace(PTRACE_PEEKDATA, tid, (void *)(address + sizeof(seconds)), NULL) : 0;
        if (errno != 0 || seconds < 0 || seconds >= (long)(UINT64_MAX / NS_PER_S) - 1)
                return SOMETIME_NS;
        return (uint64_t)seconds * NS_PER_S + (uint64_t)ns;
}

static uint64_t timeout_ns(pid_t tid, const struct call *call, const struct user_regs_struct *regs)
{
        switch (call->timeout) {
        case NEVER:
                return UINT64_MAX;
        case MS_IN_R10:
                return (int32_t)regs->r10 < 0 ? UINT64_MAX : (uint64_t)(int32_t)regs->r10 * NS_PER_MS;
        case AT_R10:
                return timespec_at(tid, regs->r10);
        case AT_RDX:
                return timespec_at(tid, regs->rdx);
        case AT_R8:
                return timespec_at(tid, regs->r8);
        default:
                return SOMETIME_NS;
        }
}

/* The kernel looks at rax again when it knows whether a handler runs: what is said above holds here, too. */
void resume_before_signal(pid_t tid, uint64_t *last_ns)
{
        struct user_regs_struct regs;
        const struct call *call;
        uint64_t timeout, now;

        if (tracee_registers(tid, &regs, sizeof(regs)) < 0)
                return;
        call = interrupted_call(&regs);
        if (!call)
                return;
        timeout = timeout_ns(tid, call, &regs);
        if (timeout != UINT64_MAX) {
                now = clock_monotonic_ns();
                /* It may be in the same call still: with its EINTR it can look at the clock itself. */
                if (*last_ns && now - *last_ns < timeout)
                        return;
                *last_ns = now;
        }
        begin_again(tid);
}
