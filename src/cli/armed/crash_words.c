/* SPDX-License-Identifier: MIT */
#include "cli/armed/crash_words.h"

#include <signal.h>

#include "base/cleanup.h"

/* In signal(7)'s words.  (sigdescr_np() has some of them, since glibc 2.32.) */
static const struct {
        int signal;
        const char *name, *words;
} crashes[] = {
        {SIGSEGV, "SIGSEGV", "invalid memory reference"},
        {SIGABRT, "SIGABRT", "abort"},
        {SIGBUS, "SIGBUS", "bus error: bad memory access"},
        {SIGFPE, "SIGFPE", "erroneous arithmetic operation"},
        {SIGILL, "SIGILL", "illegal instruction"},
        {SIGSYS, "SIGSYS", "bad system call"},
        {SIGTRAP, "SIGTRAP", "trace or breakpoint trap"},
        {SIGQUIT, "SIGQUIT", "quit from keyboard"},
        {SIGXCPU, "SIGXCPU", "CPU time limit exceeded"},
        {SIGXFSZ, "SIGXFSZ", "file size limit exceeded"},
};

uint64_t crash_signals(void)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
                bits |= UINT64_C(1) << (crashes[i].signal - 1);
        return bits;
}

void crash_words(int signal, struct buf *out)
{
        buf_printf(out, "killed by signal %d", signal);
        for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
                if (crashes[i].signal == signal)
                        buf_printf(out, " (%s, %s)", crashes[i].name, crashes[i].words);
}
