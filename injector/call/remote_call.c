/* SPDX-License-Identifier: MIT */
#include "injector/call/remote_call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "injector/resume.h"
#include "injector/tracee.h"

/* For a thread that must only be interrupted to be let go. */
#define LET_GO_NS (200 * NS_PER_MS)

/* For __errno_location(), which waits for nothing but a CPU: on a machine with 30 programs for each that took more than 1 s. */
#define ERRNO_NS (10 * NS_PER_S)

enum stop_kind { STOP_SYSCALL, STOP_INTERRUPT, STOP_GROUP, STOP_SIGNAL, STOP_GONE, STOP_LATE };

int remote_thread_new(int proc_fd, pid_t pid, const struct call_way *way, struct remote_thread **ret)
{
        struct remote_thread *t = malloc(sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        memset(t, 0, sizeof(*t)); /* touched: no page fault while somebody stands still */
        t->pid = pid;
        t->way = *way;
        t->memory_fd = openat(proc_fd, "mem", O_RDWR | O_CLOEXEC);
        r = t->memory_fd < 0 ? -errno : deadline_make(&t->deadline);
        if (r < 0) {
                fd_closep(&t->memory_fd);
                free(t);
                return r;
        }
        *ret = t;
        return 0;
}

void remote_thread_free(struct remote_thread *t)
{
        if (!t)
                return;
        remote_thread_release(t);
        deadline_free(&t->deadline);
        fd_closep(&t->memory_fd);
        free(t);
}

/* Looked at, not taken (WNOWAIT): should we die, a signal that is about to be delivered still is. */
static enum stop_kind wait_stop(struct remote_thread *t, int *ret_signal)
{
        *ret_signal = 0;
        for (;;) {
                siginfo_t info = {0};
                int event, signal;

                if (waitid(P_PID, (id_t)t->tid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0) {
                        if (errno == EINTR && clock_monotonic_ns() < t->deadline.end_ns)
                                continue;
                        return errno == EINTR ? STOP_LATE : STOP_GONE;
                }
                if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
                        /* A thread has only its tracer to reap it; the process has a parent. */
                        if (t->tid != t->pid)
                                waitid(P_PID, (id_t)t->tid, &info, WEXITED | WNOHANG | __WALL);
                        return STOP_GONE;
                }
                event = info.si_status >> 8;
                signal = info.si_status & 0xff;
                if (event == PTRACE_EVENT_STOP)
                        return signal == SIGTRAP ? STOP_INTERRUPT : STOP_GROUP;
                if (signal == (SIGTRAP | 0x80)) /* PTRACE_O_TRACESYSGOOD */
                        return STOP_SYSCALL;
                *ret_signal = event ? 0 : signal;
                return STOP_SIGNAL;
        }
}

static enum stop_kind wait_stop_for(struct remote_thread *t, uint64_t duration_ns, int *ret_signal)
{
        enum stop_kind kind;

        deadline_start(&t->deadline, duration_ns);
        kind = wait_stop(t, ret_signal);
        deadline_stop(&t->deadline);
        return kind;
}

static void detach(struct remote_thread *t, int signal)
{
        /* ESRCH: killed meanwhile. */
        ptrace(PTRACE_DETACH, t->tid, NULL, (long)signal);
        t->stopped = false;
        t->released_ns = clock_monotonic_ns();
}

/* SEIZE waits while the process is in exec: left by a jump. */
static int seize(struct remote_thread *t)
{
        int r;

        if (deadline_escaped(&t->deadline))
                return -EAGAIN;
        r = tracee_seize(t->tid);
        deadline_seal(&t->deadline);
        return r;
}

int remote_thread_stop(struct remote_thread *t, pid_t tid, uint64_t duration_ns)
{
        enum stop_kind kind;
        int r, signal = 0;

        t->tid = tid;
        t->state.errno_at = 0;
        deadline_start(&t->deadline, duration_ns);
        r = seize(t);
        if (r == 0)
                r = tracee_interrupt(tid);
        kind = r == 0 ? wait_stop(t, &signal) : STOP_GONE;
        deadline_stop(&t->deadline);
        if (r < 0)
                return r;
        if (kind == STOP_GONE)
                return -ESRCH;
        /* Our end lets go of it (tracer.h). */
        if (kind == STOP_LATE)
                return -EAGAIN;
        t->stopped_ns = clock_monotonic_ns();
        if (kind != STOP_INTERRUPT) {
                detach(t, signal);
                return -EAGAIN;
        }
        t->stopped = true;
        r = call_state_read(tid, &t->state);
        if (r == 0 && ptrace(PTRACE_SETOPTIONS, tid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
                r = -errno;
        if (r < 0)
                remote_thread_leave(t);
        return r;
}

void remote_thread_leave(struct remote_thread *t)
{
        if (!t->stopped)
                return;
        resume_unnoticed(t->tid, t->state.gregs);
        detach(t, 0);
}

void remote_thread_use(struct remote_thread *t)
{
        call_state_restart(t->tid, &t->state);
}

static bool write_all(int fd, uint64_t address, const uint8_t *data, size_t n)
{
        while (n > 0) {
                ssize_t done = pwrite(fd, data, n, (off_t)address);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return false;
                data += done;
                address += (uint64_t)done;
                n -= (size_t)done;
        }
        return true;
}

static bool read_all(int fd, uint64_t address, void *out, size_t n)
{
        ssize_t done;

        do
                done = pread(fd, out, n, (off_t)address);
        while (done < 0 && errno == EINTR);
        return done == (ssize_t)n;
}

/* All but those that an instruction of the function's own causes: blocked, the kernel would kill the process for them. */
static void block_signals(pid_t tid)
{
        static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
        uint64_t mask = UINT64_MAX;

        for (size_t i = 0; i < ARRAY_SIZE(synchronous); i++)
                mask &= ~(UINT64_C(1) << (synchronous[i] - 1));
        ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

/* The thread runs on by itself; to let it go it has to stop once more. */
static int give_up(struct remote_thread *t)
{
        int signal = 0;

        if (tracee_interrupt(t->tid) < 0)
                return -ESRCH;
        switch (wait_stop_for(t, LET_GO_NS, &signal)) {
        case STOP_GONE:
                t->stopped = false;
                return -ESRCH;
        case STOP_LATE: /* our end lets go of it */
                t->stopped = false;
                return -ETIMEDOUT;
        default:
                detach(t, signal);
                return -ETIMEDOUT;
        }
}

/* Until the thread stands at the beginning of the call that is the way back. */
static int run_function(struct remote_thread *t, uint64_t *ret_result)
{
        int signal = 0;

        for (;;) {
                if (ptrace(PTRACE_SYSCALL, t->tid, NULL, (long)signal) < 0)
                        return -errno;
                switch (wait_stop(t, &signal)) {
                case STOP_SYSCALL:
                        if (call_frame_returns(t->tid, &t->frame, ret_result))
                                return 0;
                        break;
                case STOP_GROUP:
                        detach(t, 0);
                        return -ECANCELED;
                case STOP_GONE:
                        return -ESRCH;
                case STOP_LATE:
                        return -ETIMEDOUT;
                case STOP_INTERRUPT:
                case STOP_SIGNAL:
                        break;
                }
        }
}

/* Through the way back, to where the thread was: at the end of rt_sigreturn(). */
static int come_back(struct remote_thread *t)
{
        int signal = 0;

        if (ptrace(PTRACE_SYSCALL, t->tid, NULL, 0L) < 0)
                return -errno;
        switch (wait_stop(t, &signal)) {
        case STOP_SYSCALL:
                return 0;
        case STOP_GONE:
                return -ESRCH;
        case STOP_LATE:
                return -ETIMEDOUT;
        default:
                detach(t, signal);
                return -ECANCELED;
        }
}

static int take_back(struct remote_thread *t, const struct call_argument *arguments, size_t n,
                     uint64_t *result)
{
        if (t->frame.result_at && !read_all(t->memory_fd, t->frame.result_at, result, sizeof(*result)))
                return -EFAULT;
        for (size_t i = 0; i < n; i++)
                if (arguments[i].back &&
                    !read_all(t->memory_fd, t->frame.argument[i], arguments[i].memory, arguments[i].bytes))
                        return -EFAULT;
        return 0;
}

int remote_call(struct remote_thread *t, uint64_t function, const struct call_argument *arguments, size_t n,
                uint64_t duration_ns, uint64_t *ret_result)
{
        uint64_t result = 0;
        int r, taken = 0;

        if (!t->stopped)
                return -ESRCH;
        r = call_frame_build(&t->state, &t->way, function, arguments, n, &t->frame);
        if (r < 0)
                return r;
        if (!write_all(t->memory_fd, t->frame.address, t->frame.image, t->frame.size))
                return -EFAULT;
        r = call_frame_commit(t->tid, &t->frame);
        if (r < 0)
                return r;
        block_signals(t->tid);
        deadline_start(&t->deadline, duration_ns);
        r = run_function(t, &result);
        if (r == 0) {
                taken = take_back(t, arguments, n, &result);
                r = come_back(t);
        }
        deadline_stop(&t->deadline);
        if (r == -ETIMEDOUT)
                return give_up(t);
        if (r < 0) {
                t->stopped = false;
                return r;
        }
        if (taken == 0 && ret_result)
                *ret_result = result;
        return taken;
}

int remote_thread_keep_errno(struct remote_thread *t, uint64_t errno_location)
{
        uint64_t at;
        int r = remote_call(t, errno_location, NULL, 0, ERRNO_NS, &at);

        if (r < 0)
                return r;
        if (!read_all(t->memory_fd, at, &t->state.errno_was, sizeof(t->state.errno_was)))
                return -EFAULT;
        t->state.errno_at = at;
        return 0;
}

void remote_thread_release(struct remote_thread *t)
{
        if (!t->stopped)
                return;
        /* The same memory as before, or nothing: it is the thread's own. */
        if (t->state.errno_at)
                write_all(t->memory_fd, t->state.errno_at, (const uint8_t *)&t->state.errno_was,
                          sizeof(t->state.errno_was));
        detach(t, 0);
}

ssize_t remote_string(const struct remote_thread *t, uint64_t address, char *out, size_t out_size)
{
        size_t n = 0;

        while (n + 1 < out_size) {
                if (!read_all(t->memory_fd, address + n, out + n, 1))
                        return n ? (ssize_t)n : -EFAULT;
                if (out[n] == '\0')
                        return (ssize_t)n;
                n++;
        }
        out[n] = '\0';
        return (ssize_t)n;
}
