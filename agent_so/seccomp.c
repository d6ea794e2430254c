/* SPDX-License-Identifier: MIT */
#include "agent_so/seccomp.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/state.h"
#include "agent_so/raw_syscall.h"
#include "agent_so/interpose/real.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/service.h"
#include "agent_so/uncancelled.h"

#define PARK_WAITS 1000 /* ms; a thread that is in malloc's statistics needs some */

typedef long syscall_function(long, long, long, long, long, long, long);
typedef int prctl_function(int, unsigned long, unsigned long, unsigned long, unsigned long);

static long first_syscall(long number, long a, long b, long c, long d, long e, long f)
{
        long result = raw_syscall(number, a, b, c, d, e, f);

        if (result >= -4095 && result < 0) {
                errno = (int)-result;
                return -1;
        }
        return result;
}

/* Used before the constructor, too, where nothing may be looked up. */
static syscall_function *next_syscall = first_syscall;
static prctl_function *next_prctl;

static uint32_t parked;

void seccomp_resolve(void)
{
        syscall_function *next = (syscall_function *)real_symbol("syscall");

        if (next)
                next_syscall = next;
        next_prctl = (prctl_function *)real_symbol("prctl");
}

void seccomp_park(void)
{
        __atomic_store_n(&parked, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&agent_sealed, __ATOMIC_ACQUIRE))
                syscall(SYS_futex, &agent_sealed, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
        __atomic_store_n(&parked, 0, __ATOMIC_RELEASE);
}

static void seal(void)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        int saved = errno;

        if (agent.state == AGENT_ON && agent_enter()) {
                recorder_reserve_ahead();
                agent_leave();
        }
        __atomic_store_n(&agent_sealed, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&agent.dump_pending, 0, __ATOMIC_RELEASE);
        if (service_runs()) {
                service_wake();
                for (unsigned ms = 0; ms < PARK_WAITS && !__atomic_load_n(&parked, __ATOMIC_ACQUIRE); ms++)
                        usleep(1000);
        }
        errno = saved;
}

/* The filter was installed, or not. */
static void settle(bool installed)
{
        int saved = errno;

        if (installed) {
                if (agent.state == AGENT_ON || agent.state == AGENT_DETACHED)
                        header_flag(RECORDER_SEALED);
                return;
        }
        __atomic_store_n(&agent_sealed, 0, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &agent_sealed, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        errno = saved;
}

/* A filter without a program is how it is asked whether there are filters at all.  The child of a vfork() locks in itself, and has its
 * parent's memory. */
static bool locks_in(bool strict, const void *program)
{
        return !agent_sealed && (strict || program) && (agent.pid == 0 || agent.pid == getpid());
}

static __attribute__((noinline)) long seccomp_call(long number, long operation, long flags, long program)
{
        bool locks = (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER) &&
                     locks_in(operation == SECCOMP_SET_MODE_STRICT, (const void *)program);
        long result;

        if (locks)
                seal();
        result = next_syscall(number, operation, flags, program, 0, 0, 0);
        if (locks)
                settle(result == 0);
        return result;
}

/* Both are declared with an ellipsis; arguments come in the same registers. */
EXPORT syscall_function watched_syscall __asm__("syscall");
EXPORT prctl_function watched_prctl __asm__("prctl");

/* The rest is a jump: a child of clone() may return from here on another stack. */
long watched_syscall(long number, long a, long b, long c, long d, long e, long f)
{
        if (unlikely(number == SYS_seccomp))
                return seccomp_call(number, a, b, c);
        if (unlikely(number == SYS_exit_group))
                recorder_finish((int)a);
        return next_syscall(number, a, b, c, d, e, f);
}

int watched_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
        bool locks = option == PR_SET_SECCOMP && (a == SECCOMP_MODE_STRICT || a == SECCOMP_MODE_FILTER) &&
                     locks_in(a == SECCOMP_MODE_STRICT, (const void *)b);
        int result;

        if (locks)
                seal();
        result = next_prctl ? next_prctl(option, a, b, c, d)
                            : (int)next_syscall(SYS_prctl, option, (long)a, (long)b, (long)c, (long)d, 0);
        if (locks)
                settle(result == 0);
        return result;
}
