/* SPDX-License-Identifier: MIT */
#include "cli/run/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/scan.h"

static void __attribute__((noreturn)) stand_by(pid_t parent)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "swansong");
        while (getppid() == parent)
                pause();
        _exit(0);
}

/* The new one's PID; 0: there is none. */
static pid_t hire(void)
{
        pid_t self = getpid(), pid;
        sigset_t all, before;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        pid = fork();
        if (pid == 0)
                stand_by(self);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return pid < 0 ? 0 : pid;
}

static void dismiss(pid_t pid)
{
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* "ShdPnd:\t0000000000004000" */
static uint64_t pending(pid_t pid)
{
        char path[64], text[4096];
        struct buf b = BUF_FIXED(text, sizeof(text));
        uint64_t set = 0;
        struct scan s;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        if (file_read_at(AT_FDCWD, path, &b) < 0)
                return 0;
        s = scan_of(b.data, b.len);
        if (scan_find(&s, "\nShdPnd:\t"))
                scan_hex(&s, &set);
        return set;
}

void run_witness_start(struct run_witness *w)
{
        *w = (struct run_witness){.pid = hire()};
}

bool run_witness_saw(struct run_witness *w, int signo)
{
        uint64_t bit = UINT64_C(1) << (signo - 1);
        pid_t before = w->pid;
        bool saw;

        w->pid = hire();
        if (before > 0) {
                w->seen |= pending(before);
                dismiss(before);
        }
        saw = w->seen & bit;
        w->seen &= ~bit;
        return saw;
}

void run_witness_end(struct run_witness *w)
{
        if (w->pid > 0)
                dismiss(w->pid);
        *w = (struct run_witness){0};
}
