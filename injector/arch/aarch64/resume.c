/* SPDX-License-Identifier: MIT */
/* resume, aarch64.
 *
 * The kernel decides whether to begin a call again before it stops for the tracer (do_signal(),
 * arch/arm64/kernel/signal.c), so -EINTR cannot be turned into a code that it would look at later, as on x86_64.  What can be
 * done is what it would have done: pc back to the svc instruction, x0 to the call's first argument, which -EINTR has
 * overwritten.  The kernel keeps that as orig_x0, in no register set; but /proc/TID/syscall shows it (syscall_get_arguments(),
 * asm/syscall.h) for a thread in a system call.  This one has been marked as in none (forget_syscall()), which
 * NT_ARM_SYSTEM_CALL undoes: set the number, read, take it back.  Then one SETREGSET, the only step that changes anything.
 * Where the kernel shows x0 as it is by then (Debian's 6.1 was seen to), there is no way back, and the thread sees its EINTR: a call begun
 * again with another first argument would be worse.  What would help there is to read it before the interrupt.
 *
 * Differs from the kernel's own restart in one case: when a signal with a handler arrives while the thread stands
 * still, the call goes on after the handler, as if the signal had come just before it.  A program may rely on EINTR there only
 * if the call itself unblocks the signal: calls with a signal mask are left alone.
 *
 * Trap: a thread that has had an EINTR of its own, and has not executed the next instruction yet when it is interrupted, looks
 * the same, and its orig_x0 may be of a later call (rt_sigreturn).  That instruction is all the time there is for it.
 *
 * Only for calls that can be begun again; a relative timeout starts again from its full length.
 */
#include "injector/resume.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/cleanup.h"
#include "base/scan.h"

#define SVC_0        0xd4000001u /* svc #0 */
#define CALL_NUMBER  8           /* x8 */
#define NO_SYSCALL   (-1)        /* asm/ptrace.h */
#define EPOLL_PWAIT2 441         /* Linux 5.11 */

/* mask: the argument that is a signal mask, or 0. */
static const struct {
        uint16_t nr;
        uint8_t mask;
} restartable[] = {
        {SYS_read, 0},     {SYS_write, 0},           {SYS_readv, 0},        {SYS_writev, 0},
        {SYS_recvfrom, 0}, {SYS_recvmsg, 0},         {SYS_recvmmsg, 0},     {SYS_sendto, 0},
        {SYS_sendmsg, 0},  {SYS_sendmmsg, 0},        {SYS_accept, 0},       {SYS_accept4, 0},
        {SYS_connect, 0},  {SYS_epoll_pwait, 4}, /* what epoll_wait() calls */
        {EPOLL_PWAIT2, 4}, {SYS_semop, 0},           {SYS_semtimedop, 0},   {SYS_msgrcv, 0},
        {SYS_msgsnd, 0},   {SYS_rt_sigtimedwait, 0}, {SYS_io_getevents, 0},
};

static bool is_restartable(const struct user_regs_struct *regs)
{
        for (size_t i = 0; i < ARRAY_SIZE(restartable); i++)
                if (restartable[i].nr == regs->regs[CALL_NUMBER])
                        return restartable[i].mask == 0 || regs->regs[restartable[i].mask] == 0;
        return false;
}

/* Is the instruction before the next one that of a system call? */
static bool is_behind_call(pid_t tid, uint64_t pc)
{
        long word;

        errno = 0;
        word = ptrace(PTRACE_PEEKTEXT, tid, (void *)(pc - 4), NULL);
        return errno == 0 && (uint32_t)word == SVC_0;
}

static bool set_call(pid_t tid, int number)
{
        struct iovec io = {&number, sizeof(number)};

        return ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &io) == 0;
}

/* "22 0x5 0xffffd0a0 ...": the number and the first argument. */
static bool read_argument(pid_t tid, uint64_t number, uint64_t *ret)
{
        char path[32], text[256];
        _cleanup_fd_ int fd = -1;
        uint64_t shown;
        struct scan s;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof(text));
        if (n < 0)
                return false;
        s = scan_of(text, (size_t)n);
        return scan_number(&s, &shown) && shown == number && scan_word(&s, " 0x") && scan_hex(&s, ret);
}

void resume_unnoticed(pid_t tid, const void *gregs)
{
        struct user_regs_struct regs = *(const struct user_regs_struct *)gregs;
        struct iovec io = {&regs, sizeof(regs)};
        uint64_t first = 0;
        bool known;

        if ((int64_t)regs.regs[0] != -EINTR || !is_restartable(&regs) || !is_behind_call(tid, regs.pc))
                return;
        /* Dying between these two costs nothing: the kernel looks at -EINTR once more, and leaves it. */
        known = set_call(tid, (int)regs.regs[CALL_NUMBER]) &&
                read_argument(tid, regs.regs[CALL_NUMBER], &first);
        if (!set_call(tid, NO_SYSCALL) || !known || first == regs.regs[0])
                return;
        regs.regs[0] = first;
        regs.pc -= 4;
        ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io);
}

/* Here the call would be begun again whether a handler runs or not, and a program may rely on its EINTR: it sees one. */
void resume_before_signal(pid_t tid, uint64_t *last_ns)
{
        (void)tid;
        (void)last_ns;
}
