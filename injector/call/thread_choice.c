/* SPDX-License-Identifier: MIT */
#include "injector/call/thread_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "injector/task_list.h"
#include "injector/tracer.h"

/* How long one thread may take to stop: those that wait do so in microseconds, if they get a CPU.  It harms nobody to wait
 * for that, but one that is given up on the way to its stop sees the EINTR. */
#define STOP_NS (5 * NS_PER_S)

/* Between two rounds over all threads: at first, and at most. */
#define PAUSE_NS_FIRST (2 * NS_PER_MS)
#define PAUSE_NS_MAX   (100 * NS_PER_MS)

/* Of thousands of threads no more are stopped in one round: each is an interrupt for nothing. */
#define LOOKS_MAX 16

struct candidate {
        pid_t tid;
        struct thread_look look;
};

struct attempt {
        const struct thread_use *use;
        const struct candidate *candidate;
        bool used;
        int result;
        uint64_t pause_ns;
        char why[THREAD_REASON];
};

/* In a tracer of its own, whose end lets go of a thread that would not stop. */
static void attempt_make(void *arg)
{
        struct attempt *a = arg;
        const struct thread_use *use = a->use;
        struct remote_thread *t = NULL;

        a->result = remote_thread_new(use->target->proc_fd, use->target->pid, &use->way, &t);
        if (a->result < 0)
                return;
        a->result = remote_thread_stop(t, a->candidate->tid, STOP_NS);
        if (a->result == -EAGAIN)
                snprintf(a->why, sizeof(a->why), "it did not stop, or a signal was on its way");
        else if (a->result == -ENOTSUP)
                snprintf(a->why, sizeof(a->why), "it has registers that could not be brought back");
        /* Now that it stands still: what was read before, and the addresses of earlier turns, are of another program. */
        if (a->result == 0 && remote_memory_gone(use->ground.memory, use->way.restorer)) {
                remote_thread_leave(t);
                a->result = -ESTALE;
        }
        if (a->result == 0) {
                a->result = thread_check(&use->ground, t, &a->candidate->look, a->why);
                if (a->result < 0) {
                        remote_thread_leave(t);
                } else {
                        remote_thread_use(t);
                        a->used = true;
                        a->result = use->calls(t, use->arg);
                        remote_thread_release(t);
                        a->pause_ns = t->released_ns - t->stopped_ns;
                }
        }
        remote_thread_free(t);
}

static void nothing_beside(void *arg)
{
        (void)arg;
}

static int by_rank(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        if (x->look.rank != y->look.rank)
                return x->look.rank < y->look.rank ? -1 : 1;
        return (x->tid > y->tid) - (x->tid < y->tid);
}

/* All threads, the best first.  malloc'ed; their number, or -errno. */
static ssize_t list_candidates(const struct target *target, struct candidate **ret)
{
        struct task_list *tasks = malloc(sizeof(*tasks));
        struct candidate *list = NULL;
        size_t n = 0, size = 0;
        pid_t tid;
        int r = tasks ? task_list_open(target->proc_fd, tasks) : -ENOMEM;
        bool opened = r == 0;

        while (r == 0 && task_list_next(tasks, &tid)) {
                if (n == size) {
                        size_t more = size ? 2 * size : 64;
                        void *grown = realloc(list, more * sizeof(*list));

                        if (!grown) {
                                r = -ENOMEM;
                                break;
                        }
                        list = grown;
                        size = more;
                }
                list[n].tid = tid;
                thread_look(tasks->fd, tid, &list[n++].look);
        }
        if (opened)
                task_list_close(tasks);
        free(tasks);
        if (r < 0) {
                free(list);
                return r == -ENOENT ? -ESRCH : r;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), by_rank);
        *ret = list;
        return (ssize_t)n;
}

/* One round.  True: it is decided, *ret_result. */
static bool try_all(const struct thread_use *use, int *ret_result, uint64_t *ret_pause_ns, struct diag *d)
{
        _cleanup_free_ struct candidate *list = NULL;
        ssize_t n = list_candidates(use->target, &list);
        if (n <= 0) {
                *ret_result = diag_set(d, n == 0 ? -ESRCH : (int)n, "PID %d: %s", use->target->pid,
                                       n == 0 ? "it has ended" : strerror((int)-n));
                return true;
        }
        for (ssize_t i = 0; i < n && i < LOOKS_MAX; i++) {
                struct attempt a = {.use = use, .candidate = &list[i]};
                int r;

                if (list[i].look.rank == THREAD_UNFIT) {
                        if (i == 0)
                                diag_set(d, 0, "thread %d: %s", list[i].tid, list[i].look.why);
                        break;
                }
                r = tracer_run(attempt_make, nothing_beside, &a);
                if (r < 0)
                        a.result = r;
                if (a.used) {
                        /* calls() has told its own story; why others were passed over is none of it. */
                        *d = (struct diag){0};
                        *ret_result = a.result;
                        if (ret_pause_ns)
                                *ret_pause_ns = a.pause_ns;
                        return true;
                }
                if (a.result == -ESTALE) {
                        *ret_result = diag_set(d, -ESTALE, "PID %d went on as another program (exec)",
                                               use->target->pid);
                        return true;
                }
                diag_set(d, 0, "thread %d: %s", list[i].tid, a.why[0] ? a.why : strerror(-a.result));
        }
        return false;
}

int thread_use(const struct thread_use *use, uint64_t *ret_pause_ns, struct diag *d)
{
        uint64_t end_ns = clock_monotonic_ns() + use->wait_ns, pause_ns = PAUSE_NS_FIRST;
        struct diag last = {0};

        for (;;) {
                struct timespec pause = {.tv_nsec = (long)pause_ns};
                int r;

                if (try_all(use, &r, ret_pause_ns, &last)) {
                        if (d && last.text[0])
                                *d = last;
                        return r;
                }
                if (clock_monotonic_ns() >= end_ns)
                        return diag_set(
                                d, -EBUSY,
                                "no thread came to a place where it may be disturbed; the last one, %s",
                                last.text);
                nanosleep(&pause, NULL);
                pause_ns = 2 * pause_ns < PAUSE_NS_MAX ? 2 * pause_ns : PAUSE_NS_MAX;
        }
}
