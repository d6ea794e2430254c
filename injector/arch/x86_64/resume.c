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

#define ERESTARTNOHAND 514 /* include/linux/errno.h; never seen by programs */

static const uint16_t restartable[] = {
        SYS_read,
        SYS_write,
        SYS_readv,
        SYS_writev,
        SYS_recvfrom,
        SYS_recvmsg,
        SYS_recvmmsg,
        SYS_sendto,
        SYS_sendmsg,
        SYS_sendmmsg,
        SYS_accept,
        SYS_accept4,
        SYS_connect,
        SYS_epoll_wait,
        SYS_epoll_pwait,
        441 /* epoll_pwait2, Linux 5.11 */,
        SYS_semop,
        SYS_semtimedop,
        SYS_msgrcv,
        SYS_msgsnd,
        SYS_rt_sigtimedwait,
        SYS_io_getevents,
        333 /* io_pgetevents */,
        426 /* io_uring_enter */,
};

static bool is_restartable(uint64_t nr)
{
        for (size_t i = 0; i < sizeof(restartable) / sizeof(restartable[0]); i++)
                if (restartable[i] == nr)
                        return true;
        return false;
}

void resume_unnoticed(pid_t tid, const void *gregs)
{
        const struct user_regs_struct *regs = gregs;

        if ((int64_t)regs->rax == -EINTR && (int64_t)regs->orig_rax >= 0 && is_restartable(regs->orig_rax))
                ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), -(long)ERESTARTNOHAND);
}
