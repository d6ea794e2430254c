/* SPDX-License-Identifier: MIT */
/* Real processes: attended ones must run as if nobody were there, and a killed one must be held with all its
 * threads. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "injector/attend.h"
#include "injector/attend_table.h"

/* What the attending process tells the test, in shared memory. */
struct seen {
        int n_dying, n_gone, signal;
        size_t n_tids, n_missing, n_registers, n_hurried;
        char memory[16];
        pid_t first_tid;
        volatile int ready, stop;
};

static struct seen *seen;
static char *const marker = (char *)0x10000000; /* a page of the victim's, at a known address */

static struct attend *attending;

static bool on_dying(void *data, const struct attend_dying *d)
{
        char path[32];
        FILE *mem;

        (void)data;
        seen->n_dying++;
        seen->signal = d->signal;
        seen->n_tids = d->n_tids;
        seen->first_tid = d->tids[0];
        seen->n_missing = d->n_missing;
        for (size_t i = 0; i < d->n_tids; i++) {
                char regs[ARCH_GREGS_MAX];
                struct iovec io = {regs, sizeof(regs)};

                if (ptrace(PTRACE_GETREGSET, d->tids[i], (void *)1 /* NT_PRSTATUS */, &io) == 0 &&
                    arch_get(regs, arch_host()->sp))
                        seen->n_registers++;
                seen->n_hurried += sched_getscheduler(d->tids[i]) != SCHED_OTHER;
        }
        snprintf(path, sizeof(path), "/proc/%d/mem", d->pid);
        mem = fopen(path, "r");
        if (mem && fseek(mem, (long)marker, SEEK_SET) == 0 &&
            fread(seen->memory, 1, sizeof(seen->memory), mem) > 0)
                seen->memory[sizeof(seen->memory) - 1] = '\0';
        if (mem)
                fclose(mem);
        attend_let_go(attending, d->pid);
        return true;
}

static void on_gone(void *data, pid_t pid)
{
        (void)data;
        (void)pid;
        seen->n_gone++;
}

/* Attend the victim in a child of its own until told to stop or the victim is gone. */
static pid_t attend_start(pid_t victim)
{
        pid_t child;

        seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        child = fork();
        if (child == 0) {
                struct attend_calls calls = {
                        .dying = on_dying, .gone = on_gone, .signals = 1ull << (SIGKILL - 1)};
                struct attend *a;
                struct diag d;

                if (attend_new(&calls, 4, 1024, &a) < 0 || attend_add(a, victim, &d) < 0)
                        _exit(1);
                attending = a;
                seen->ready = 1;
                while (!seen->stop && !seen->n_gone) {
                        attend_handle(a);
                        usleep(200);
                }
                _exit(0);
        }
        while (!seen->ready && waitpid(child, NULL, WNOHANG) == 0)
                usleep(1000);
        cr_assert(seen->ready, "attending failed");
        return child;
}

static void attend_stop(pid_t child)
{
        int status;

        seen->stop = 1;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *sleeper(void *arg)
{
        for (;;)
                pause();
        return arg;
}

static pid_t victim_start(int n_threads)
{
        int ready[2];
        pid_t pid;
        char c;

        cr_assert_eq(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                char *page = mmap(marker, 4096, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
                pthread_t t;

                strcpy(page, "still here");
                for (int i = 1; i < n_threads; i++)
                        pthread_create(&t, NULL, sleeper, NULL);
                (void)!write(ready[1], "r", 1);
                sleeper(NULL);
        }
        cr_assert_eq(read(ready[0], &c, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

Test(attend, a_killed_process_waits_with_all_threads_and_its_memory)
{
        pid_t victim = victim_start(40), child = attend_start(victim);
        int status;

        kill(victim, SIGKILL);
        waitpid(victim, &status, 0);
        attend_stop(child);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        cr_expect_eq(seen->n_dying, 1);
        cr_expect_eq(seen->signal, SIGKILL);
        cr_expect_eq(seen->n_tids, 40);
        cr_expect_eq(seen->first_tid, victim);
        cr_expect_eq(seen->n_missing, 0);
        cr_expect_eq(seen->n_hurried, 0, "a held thread has its own priority");
        cr_expect_eq(seen->n_registers, 40);
        cr_expect_str_eq(seen->memory, "still here");
        cr_expect_eq(seen->n_gone, 1);
}

static void status_read(pid_t pid, char *text, size_t size)
{
        char path[64];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        f = fopen(path, "r");
        cr_assert_not_null(f);
        text[fread(text, 1, size - 1, f)] = '\0';
        fclose(f);
}

Test(attend, an_attended_process_runs_on_when_the_attender_is_killed)
{
        pid_t victim = victim_start(10), child = attend_start(victim);
        char text[4096];

        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        status_read(victim, text, sizeof(text));
        cr_expect(strstr(text, "TracerPid:\t0\n"));
        /* It may not have come to its pause() yet. */
        for (int i = 0; i < 60000 && !strstr(text, "State:\tS"); i++) {
                usleep(1000);
                status_read(victim, text, sizeof(text));
        }
        cr_expect(strstr(text, "State:\tS"), "%s", text);
        kill(victim, SIGTERM);
        waitpid(victim, NULL, 0);
        cr_expect_eq(seen->n_dying, 0);
}

static void *short_lived(void *arg)
{
        return arg;
}

static volatile sig_atomic_t signals_seen;

static void count_signal(int signal)
{
        (void)signal;
        signals_seen++;
}

/* Signals, thread churn, stop and continue, exec: all as without us. */
Test(attend, signals_threads_stops_and_exec_go_on_as_ever)
{
        int go[2], status;
        pid_t victim, child;

        cr_assert_eq(pipe(go), 0);
        victim = fork();
        if (victim == 0) {
                char c;

                signal(SIGUSR1, count_signal);
                if (read(go[0], &c, 1) != 1)
                        _exit(9);
                for (int i = 0; i < 200; i++) {
                        pthread_t t;

                        if (pthread_create(&t, NULL, short_lived, NULL) != 0 || pthread_join(t, NULL) != 0)
                                _exit(2);
                        if (raise(SIGUSR1) != 0 || signals_seen != i + 1)
                                _exit(3);
                }
                raise(SIGSTOP);
                execl("/bin/sh", "sh", "-c", "kill -0 $$ && exit 42", NULL);
                _exit(4);
        }
        child = attend_start(victim);
        cr_assert_eq(write(go[1], "g", 1), 1);
        cr_assert_eq(waitpid(victim, &status, WUNTRACED), victim);
        cr_expect(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP,
                  "the group stop is seen by the parent: %x", status);
        cr_expect_eq(waitpid(victim, &status, WUNTRACED | WNOHANG), 0, "and lasts");
        kill(victim, SIGCONT);
        cr_assert_eq(waitpid(victim, &status, 0), victim);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", status);
        attend_stop(child);
        cr_expect_eq(seen->n_dying, 0, "an ordinary end is nobody's business");
        cr_expect_eq(seen->n_gone, 1);
}

/* No signal waits to be delivered, and it sleeps. */
static bool is_quiet(pid_t pid)
{
        char path[64], text[8192];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        f = fopen(path, "r");
        cr_assert_not_null(f);
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        fclose(f);
        return strstr(text, "State:\tS") &&
               strstr(text, "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n");
}

/* One that waits for events, and leaves with the number of times that it was interrupted instead. */
static pid_t waiting_start(int event)
{
        pid_t pid = fork();

        if (pid == 0) {
                int epoll = epoll_create1(0), n_interrupted = 0;
                struct epoll_event e = {.events = EPOLLIN};

                signal(SIGUSR1, SIG_IGN);
                signal(SIGUSR2, count_signal);
                epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e);
                while (epoll_wait(epoll, &e, 1, -1) < 0)
                        n_interrupted++;
                _exit(n_interrupted + 100 * signals_seen);
        }
        while (!is_quiet(pid))
                usleep(1000);
        return pid;
}

/* The kernel wakes a traced thread for signals that it ignores; epoll_wait() would return EINTR. */
#ifndef __aarch64__ /* resume.c says why */
Test(attend, a_signal_that_is_ignored_interrupts_nothing)
{
        static const int ignored[] = {SIGUSR1, SIGCHLD, SIGWINCH, SIGURG, SIGUSR1};
        int event = eventfd(0, 0), status;
        pid_t victim = waiting_start(event), child = attend_start(victim);

        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
                kill(victim, ignored[i]);
                while (!is_quiet(victim))
                        usleep(1000);
        }
        kill(victim, SIGUSR2);
        while (!is_quiet(victim))
                usleep(1000);
        cr_assert_eq(eventfd_write(event, 1), 0);
        cr_assert_eq(waitpid(victim, &status, 0), victim);
        attend_stop(child);
        cr_expect(WIFEXITED(status));
        cr_expect_eq(WEXITSTATUS(status), 101, "only the one with a handler interrupts, and is handled: %d",
                     WEXITSTATUS(status));
}
#endif

/* A clone() whose end is not told by SIGCHLD is shown to the tracer as if it had made a thread. */
Test(attend, a_process_born_of_clone_is_none_of_its_parents_threads)
{
        int go[2], told[2], status;
        pid_t victim, child, born;

        cr_assert_eq(pipe(go), 0);
        cr_assert_eq(pipe(told), 0);
        victim = fork();
        if (victim == 0) {
                char c;
                pthread_t t;

                pthread_create(&t, NULL, sleeper, NULL);
                if (read(go[0], &c, 1) != 1)
                        _exit(9);
                born = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
                if (born == 0) {
                        close(told[0]);
                        fcntl(told[1], F_SETFD, FD_CLOEXEC);
                        execl("/bin/sleep", "sleep", "60", NULL);
                        _exit(1);
                }
                (void)!write(told[1], &born, sizeof(born));
                close(told[1]);
                sleeper(NULL);
        }
        close(told[1]);
        child = attend_start(victim);
        cr_assert_eq(write(go[1], "g", 1), 1);
        cr_assert_eq(read(told[0], &born, sizeof(born)), (ssize_t)sizeof(born));
        cr_assert_eq(read(told[0], &born, 1), 0, "it has executed");
        cr_expect_eq(ptrace(PTRACE_SEIZE, born, NULL, NULL), 0, "nobody traces it");
        kill(victim, SIGKILL);
        waitpid(victim, &status, 0);
        attend_stop(child);
        cr_expect_eq(seen->n_dying, 1);
        cr_expect_eq(seen->n_tids, 2);
        cr_expect_eq(seen->n_missing, 0);
        kill(born, SIGKILL);
}

Test(attend, refusals_are_named)
{
        struct attend_calls calls = {.dying = on_dying, .gone = on_gone};
        struct attend *a;
        struct diag d;
        pid_t dead = fork();

        if (dead == 0)
                _exit(0);
        waitpid(dead, NULL, 0);
        cr_assert_eq(attend_new(&calls, 1, 4, &a), 0);
        cr_expect_eq(attend_add(a, dead, &d), -ESRCH);
        cr_expect(strstr(d.text, "no such process"), "%s", d.text);
        attend_free(a);
}

Test(attend, the_table_finds_what_was_added_and_only_that)
{
        static struct attend_table t;
        static bool there[5000];
        struct attended_process *p;
        unsigned random = 1;

        cr_assert_eq(attend_table_init(&t, 2, 1000), 0);
        p = process_add(&t, 77);
        for (int i = 0; i < 200000; i++) {
                pid_t tid;

                random = random * 1103515245 + 12345;
                tid = (pid_t)(random >> 8) % 4999 + 1;
                if (there[tid]) {
                        cr_assert_not_null(thread_find(&t, tid));
                        thread_remove(&t, thread_find(&t, tid));
                        there[tid] = false;
                } else {
                        cr_assert_null(thread_find(&t, tid));
                        there[tid] = thread_add(&t, tid, p) != NULL;
                }
        }
        for (pid_t tid = 1; tid < 5000; tid++)
                cr_expect_eq(thread_find(&t, tid) != NULL, there[tid]);
        cr_expect_eq(p->n_threads, t.n_threads);
        cr_expect_eq(p->n_living, t.n_threads);
        attend_table_done(&t);
}
