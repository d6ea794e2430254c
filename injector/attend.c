/* SPDX-License-Identifier: MIT */
#include "injector/attend.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/target.h"
#include "injector/attend_table.h"
#include "injector/priority.h"
#include "injector/resume.h"

#define PF_EXITING 0x00000004

/* TRACEEXEC: a thread that executes takes over the leader's TID; the event is where that can be seen. */
#define ATTEND_OPTIONS (PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

/* How long the first thread in its exit waits for the others; 256 threads were there after 3 ms.  It is only waited for as
 * long when some are missing: in an uninterruptible sleep, or, on a machine with a load of 30, without a CPU for more than 50 ms. */
#define GATHER_NS (150 * NS_PER_MS)

/* How long they are left to come by themselves: on a machine with a CPU to spare all 256 are there by then, and to hurry them
 * would take longer (20 us for each). */
#define HURRY_NS (NS_PER_MS / 2)

/* How soon dying() is called again that had no time. */
#define ASK_AGAIN_NS (5 * NS_PER_MS)

struct attend {
        struct attend_calls calls;
        struct attend_table table;
        pid_t *held; /* scratch for dying(): max_threads */
};

int attend_new(const struct attend_calls *calls, size_t max_processes, size_t max_threads,
               struct attend **ret)
{
        struct attend *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        a->calls = *calls;
        r = attend_table_init(&a->table, max_processes, max_threads);
        if (r == 0) {
                a->held = malloc(max_threads * sizeof(*a->held));
                if (a->held)
                        memset(a->held, 0,
                               max_threads * sizeof(*a->held)); /* touched: see attend_new()'s promise */
                else
                        r = -ENOMEM;
        }
        if (r < 0) {
                attend_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

void attend_free(struct attend *a)
{
        if (!a)
                return;
        attend_table_done(&a->table);
        free(a->held);
        free(a);
}

/* --- seizing
 * -------------------------------------------------------------------------------------------------- */

/* On its way out, or a leader that has ended before its threads: SEIZE refuses it as it does one that is not ours
 * (PF_EXITING, include/linux/sched.h). */
static bool is_leaving(DIR *task, const char *tid)
{
        char path[64], text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief brief;

        snprintf(path, sizeof(path), "%.32s/stat", tid);
        return file_read_at(dirfd(task), path, &b) < 0 ||
               (stat_brief_parse(b.data, b.len, &brief) == 0 && brief.flags & PF_EXITING);
}

/* One pass over the threads; the number that were new, or -errno. */
static int seize_new_threads(struct attend *a, struct attended_process *process, DIR *task)
{
        struct dirent *entry;
        int n_new = 0;

        rewinddir(task);
        while ((entry = readdir(task))) {
                uint64_t tid;

                if (number_parse(entry->d_name, INT32_MAX, &tid) < 0 || thread_find(&a->table, (pid_t)tid))
                        continue;
                if (ptrace(PTRACE_SEIZE, (pid_t)tid, NULL, ATTEND_OPTIONS) < 0) {
                        int err = errno;

                        if (err == ESRCH)
                                continue; /* ended meanwhile */
                        if (err != EPERM)
                                return -err;
                        /* Born of a seized thread after readdir: already ours, its first stop is on the way. */
                        if (process->n_threads > 0 || is_leaving(task, entry->d_name))
                                continue;
                        return -err;
                }
                if (!thread_add(&a->table, (pid_t)tid, process))
                        return -ENOSPC;
                n_new++;
        }
        return n_new;
}

int attend_add(struct attend *a, pid_t pid, struct diag *d)
{
        struct attended_process *process = process_find(&a->table, pid);
        _cleanup_dir_ DIR *task = NULL;
        char path[32];
        int r;

        if (process)
                return (int)process->n_threads;
        snprintf(path, sizeof(path), "/proc/%d/task", pid);
        task = opendir(path);
        if (!task)
                return diag_set(d, errno == ENOENT ? -ESRCH : -errno, "PID %d: %s", pid,
                                errno == ENOENT ? "no such process" : strerror(errno));
        process = process_add(&a->table, pid);
        if (!process)
                return diag_set(d, -ENOSPC,
                                "PID %d: %zu processes are attended already, there is no room for more", pid,
                                a->table.n_processes);
        do
                r = seize_new_threads(a, process, task);
        while (r > 0);
        if (r == -ENOSPC)
                return diag_set(d, r, "PID %d: there is no room for its threads (%zu are attended)", pid,
                                a->table.n_threads);
        if (process->n_threads > 0)
                return (int)process->n_threads;
        process_remove(&a->table, process);
        if (r < 0)
                return diag_set(
                        d, r, "PID %d: cannot be attended: %s (not permitted, or traced by another program)",
                        pid, strerror(-r));
        return diag_set(
                d, -ESRCH,
                "PID %d: none of its threads could be seized: it has ended, or another program traces it",
                pid);
}

/* --- answering
 * ------------------------------------------------------------------------------------------------ */

static void let_run(pid_t tid, int signal)
{
        /* ESRCH: killed in the meantime; its exit stop or its end is reported next. */
        ptrace(PTRACE_CONT, tid, NULL, (long)signal);
}

static void process_check_gone(struct attend *a, struct attended_process *process)
{
        pid_t pid;

        if (process->n_threads > 0)
                return;
        pid = process->pid;
        process_remove(&a->table, process);
        a->calls.gone(a->calls.data, pid);
}

static bool kills_for_us(const struct attend *a, int signal)
{
        return signal > 0 && signal <= 64 && (a->calls.signals >> (signal - 1) & 1);
}

/* Those that have not come to their exit yet need some microseconds on a CPU for it, and may not get them for long: on a
 * machine with a load of 37 up to half of 256 threads were not there after GATHER_NS.  They are ordinary
 * again when they have come, before anybody looks at them. */
static void hurry_others(const struct attend *a, struct attended_process *process)
{
        process->hurried = true;
        for (size_t i = 0; i < a->table.n_slots; i++)
                if (a->table.slots[i].process == process && a->table.slots[i].state == THREAD_RUNNING)
                        priority_raise_other(a->table.slots[i].tid);
}

static void handle_exit_stop(struct attend *a, struct attended_thread *thread)
{
        unsigned long message = 0;
        int signal;

        ptrace(PTRACE_GETEVENTMSG, thread->tid, NULL, &message);
        signal = (int)(message & 0x7f); /* a wait status: bit 7 is "core dumped" */
        if (!kills_for_us(a, signal)) {
                thread_set(thread, THREAD_LEAVING);
                let_run(thread->tid, 0);
                return;
        }
        thread_set(thread, THREAD_IN_EXIT);
        if (thread->process->signal == 0) {
                thread->process->signal = signal;
                thread->process->first_stop_ns = clock_monotonic_ns();
        } else if (thread->process->hurried) {
                priority_lower_other(thread->tid);
        }
}

/* Has the process this thread?  Not when it has ended and been reaped.  Signal 0 reaches nobody, and asking allocates nothing;
 * EPERM comes after the thread was found (do_send_specific(), kernel/signal.c). */
static bool has_thread(const struct attended_process *process, pid_t tid)
{
        return syscall(SYS_tgkill, process->pid, tid, 0) == 0 || errno == EPERM;
}

static struct attended_process *process_of(struct attend *a, pid_t tid)
{
        for (size_t i = 0; i < a->table.max_processes; i++)
                if (a->table.processes[i].pid != 0 && has_thread(&a->table.processes[i], tid))
                        return &a->table.processes[i];
        return NULL;
}

/* The kernel calls every clone() so whose end is not told by SIGCHLD (kernel_clone(), kernel/fork.c): most make a thread, some
 * a process.  The new one's first stop may have come before this, and its end as well. */
static void handle_clone(struct attend *a, struct attended_thread *parent)
{
        struct attended_process *process = parent->process;
        unsigned long message = 0;

        if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &message) == 0 &&
            !thread_find(&a->table, (pid_t)message) && has_thread(process, (pid_t)message))
                thread_add(&a->table, (pid_t)message, process);
        let_run(parent->tid, 0);
}

/* One that we did not know stands still: a new thread.  NULL: it was let go. */
static struct attended_thread *take_along(struct attend *a, pid_t tid, int status)
{
        struct attended_process *process = process_of(a, tid);
        int signal = status >> 16 ? 0 : WSTOPSIG(status);
        struct attended_thread *thread = process ? thread_add(&a->table, tid, process) : NULL;

        if (!process) /* a process of its own, and none of ours: it was only born of one */
                ptrace(PTRACE_DETACH, tid, NULL, (long)signal);
        else if (!thread) /* no room: it runs on, unattended but for its signals */
                let_run(tid, signal);
        return thread;
}

/* The thread that executed has become the leader; all others are gone, whether they were reported or not. */
static void handle_exec(struct attend *a, struct attended_thread *leader)
{
        struct attended_process *process = leader->process;
        pid_t tid = leader->tid;

        for (size_t i = 0; i < a->table.n_slots;) {
                struct attended_thread *t = &a->table.slots[i];

                if (t->state != THREAD_NONE && t->process == process && t->tid != tid)
                        thread_remove(&a->table, t); /* another entry may have moved here: look again */
                else
                        i++;
        }
        leader = thread_find(&a->table, tid);
        if (leader)
                thread_set(leader, THREAD_RUNNING);
        let_run(tid, 0);
}

static bool is_stop_signal(int signal)
{
        return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void handle_status(struct attend *a, pid_t tid, int status)
{
        struct attended_thread *thread = thread_find(&a->table, tid);
        struct attended_process *process;

        if (!WIFSTOPPED(status)) {
                if (!thread)
                        return;
                process = thread->process;
                thread_remove(&a->table, thread);
                process_check_gone(a, process);
                return;
        }
        if (!thread)
                thread = take_along(a, tid, status);
        if (!thread)
                return;
        switch (status >> 16) {
        case PTRACE_EVENT_EXIT:
                handle_exit_stop(a, thread);
                break;
        case PTRACE_EVENT_CLONE:
                handle_clone(a, thread);
                break;
        case PTRACE_EVENT_EXEC:
                handle_exec(a, thread);
                break;
        case PTRACE_EVENT_STOP:
                /* A group stop stays one: LISTEN keeps the thread stopped and tells us of SIGCONT. */
                if (is_stop_signal(WSTOPSIG(status)))
                        ptrace(PTRACE_LISTEN, tid, NULL, NULL);
                else
                        let_run(tid, 0);
                break;
        case 0:
                if (!is_stop_signal(WSTOPSIG(status)))
                        resume_before_signal(tid, &thread->resumed_ns);
                let_run(tid, WSTOPSIG(status));
                break;
        default:
                let_run(tid, 0);
                break;
        }
}

/* --- the kill
 * ------------------------------------------------------------------------------------------------- */

/* The next of n; the leader comes first, as debuggers expect it. */
static void put_held(pid_t *held, size_t n, pid_t tid, pid_t leader)
{
        held[n] = tid == leader ? held[0] : tid;
        if (tid == leader)
                held[0] = leader;
}

/* Whether dying() has taken it on. */
static bool report_dying(struct attend *a, struct attended_process *process)
{
        struct attend_dying dying = {
                .pid = process->pid,
                .signal = process->signal,
                .tids = a->held,
                .n_missing = process->n_living - process->n_in_exit,
                .first_stop_ns = process->first_stop_ns,
        };
        bool taken;

        for (size_t i = 0; i < a->table.n_slots; i++)
                if (a->table.slots[i].process == process && a->table.slots[i].state == THREAD_IN_EXIT)
                        put_held(a->held, dying.n_tids++, a->table.slots[i].tid, process->pid);
        process->held = true; /* unless the call itself lets it go */
        taken = a->calls.dying(a->calls.data, &dying);
        if (!taken)
                process->held = false;
        return taken;
}

void attend_let_go(struct attend *a, pid_t pid)
{
        struct attended_process *process = process_find(&a->table, pid);

        for (size_t i = 0; process && i < a->table.n_slots; i++) {
                struct attended_thread *thread = &a->table.slots[i];

                if (thread->process != process || thread->state != THREAD_IN_EXIT)
                        continue;
                thread_set(thread, THREAD_LEAVING);
                let_run(thread->tid, 0);
        }
        if (!process)
                return;
        process->held = false;
        /* Stragglers from an uninterruptible sleep gather again. */
        process->signal = 0;
        process->hurried = false;
}

bool attend_is_busy(const struct attend *a)
{
        for (size_t i = 0; i < a->table.max_processes; i++)
                if (a->table.processes[i].pid != 0 && a->table.processes[i].signal != 0)
                        return true;
        return false;
}

static uint64_t earlier_of(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* Report it if its threads are all there, or its time is up; the time of the next look. */
static uint64_t report_if_gathered(struct attend *a, struct attended_process *p, uint64_t now)
{
        if (p->n_in_exit == p->n_living || now >= p->first_stop_ns + GATHER_NS)
                return report_dying(a, p) ? UINT64_MAX : now + ASK_AGAIN_NS;
        if (!p->hurried && now < p->first_stop_ns + HURRY_NS)
                return p->first_stop_ns + HURRY_NS;
        if (!p->hurried)
                hurry_others(a, p);
        return p->first_stop_ns + GATHER_NS;
}

static uint64_t report_gathered(struct attend *a)
{
        uint64_t now = clock_monotonic_ns(), next = UINT64_MAX;

        for (size_t i = 0; i < a->table.max_processes; i++) {
                struct attended_process *p = &a->table.processes[i];

                if (p->pid != 0 && p->signal != 0 && !p->held)
                        next = earlier_of(next, report_if_gathered(a, p, now));
        }
        return next;
}

uint64_t attend_handle(struct attend *a)
{
        for (;;) {
                int status;
                pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);

                if (tid <= 0)
                        break;
                handle_status(a, tid, status);
        }
        return report_gathered(a);
}
