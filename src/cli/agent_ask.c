/* SPDX-License-Identifier: MIT */
#include "cli/agent_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/recorder/recorder_head.h"
#include "capture/collectors/recorder.h"

/* All threads answer within milliseconds, unless they get no CPU. */
#define ANSWER_NS (2 * NS_PER_S)
#define POLL_NS   (2 * NS_PER_MS)

/* Would ptrace let us?  Found out by a process of ours that seizes (which stops nothing) and ends, which lets go. */
static bool may_trace(pid_t pid)
{
        pid_t child = fork();
        int status;

        if (child == 0)
                _exit(ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 && (errno == EPERM || errno == EACCES));
        if (child < 0)
                return true;
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return true;
        return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

/* Without a handler the signal would end the process: "SigCgt:\t0000000180014a07". */
static bool has_handler(const struct target *t, uint32_t signo)
{
        char text[8192];
        struct buf b = BUF_FIXED(text, sizeof(text));
        const char *p;
        uint64_t mask;

        if (signo == 0 || signo > 64 || file_read_at(t->proc_fd, "status", &b) < 0)
                return false;
        p = strstr(b.data, "\nSigCgt:\t");
        if (!p)
                return false;
        p += strlen("\nSigCgt:\t");
        return number_scan(&p, b.data + b.len, 16, &mask) == 0 && (mask >> (signo - 1) & 1);
}

static int read_head(int fd, struct recorder_header *ret)
{
        char first[sizeof(*ret)];
        ssize_t n = pread(fd, first, sizeof(first), 0);

        return n < 0 ? -errno : recorder_head_parse(first, (size_t)n, ret);
}

static int send_signal(const struct target *t, uint32_t signo)
{
        if (t->pidfd >= 0)
                return syscall(SYS_pidfd_send_signal, t->pidfd, (int)signo, NULL, 0) < 0 ? -errno : 0;
        return target_check(t) < 0 || kill(t->pid, (int)signo) < 0 ? -ESRCH : 0;
}

static enum agent_answer wait_for_dump(int fd, const struct recorder_header *before)
{
        uint64_t until = clock_monotonic_ns() + ANSWER_NS;
        struct recorder_header now;

        while (clock_monotonic_ns() < until) {
                if (read_head(fd, &now) < 0)
                        break;
                if (now.counters.dumps != before->counters.dumps)
                        return AGENT_ANSWERED;
                nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
        }
        return AGENT_SILENT;
}

enum agent_answer agent_ask(const struct target *t)
{
        char buffer[32768];
        _cleanup_fd_ int fd = recorder_open_mapped(t, 0, buffer, sizeof(buffer));
        struct recorder_header head;

        if (fd < 0 || read_head(fd, &head) < 0 || !(head.flags & RECORDER_SIGNAL) ||
            !has_handler(t, head.signal))
                return AGENT_NONE;
        if (may_trace(t->pid))
                return AGENT_NOT_NEEDED;
        return send_signal(t, head.signal) < 0 ? AGENT_NONE : wait_for_dump(fd, &head);
}
