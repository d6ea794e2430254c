/* SPDX-License-Identifier: MIT */
#include "injector/tracees.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "injector/blocked.h"

/* A process that starts threads faster than we can stop them converges all the same: only threads that were
 * born in the last round can have given birth in this one. */
#define ROUNDS_MAX 16

int tracees_make(int proc_fd, pid_t pid, struct tracees *ret)
{
        unsigned count;
        int r;

        memset(ret, 0, sizeof(*ret));
        ret->pid = pid;
        r = task_list_open(proc_fd, &ret->tasks);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        count = task_list_count(&ret->tasks);
        ret->size = count + count / 4 + 256;
        ret->list = malloc(ret->size * sizeof(*ret->list));
        if (!ret->list) {
                task_list_close(&ret->tasks);
                return -ENOMEM;
        }
        /* Touched, so that no page fault comes in the pause. */
        memset(ret->list, 0xff, ret->size * sizeof(*ret->list));
        return 0;
}

void tracees_done(struct tracees *t)
{
        task_list_close(&t->tasks);
        free(t->list);
        t->list = NULL;
}

size_t tracees_list(struct tracees *t)
{
        size_t known = t->n, at = 0;
        pid_t tid;

        task_list_rewind(&t->tasks);
        while (task_list_next(&t->tasks, &tid)) {
                size_t i = at;

                /* The known ones come in the known order (task_list.h). */
                while (i < known && t->list[i].tid != tid)
                        i++;
                if (i < known) {
                        at = i + 1;
                        continue;
                }
                if (t->n == t->size) {
                        t->too_many = true;
                        break;
                }
                t->list[t->n++] = (struct tracee){.tid = tid, .state = TRACEE_GONE};
        }
        return t->n - known;
}

/* Seize from `first` on.  false: the time was up in the middle. */
static bool seize_from(struct tracees *t, size_t first)
{
        volatile size_t i = first;

        if (deadline_escaped(&t->deadline)) {
                t->list[i].state = TRACEE_REFUSED;
                t->list[i].err = ETIME;
                return false;
        }
        for (; i < t->n; i = i + 1) {
                int r = tracee_seize(t->list[i].tid);

                t->list[i].state = r == 0 ? TRACEE_SEIZED : r == -ESRCH ? TRACEE_GONE : TRACEE_REFUSED;
                t->list[i].err = -r;
        }
        deadline_seal(&t->deadline);
        return true;
}

static size_t count_present(const struct tracees *t)
{
        size_t present = 0;

        for (size_t i = 0; i < t->n; i++)
                present += t->list[i].state != TRACEE_GONE;
        return present;
}

/* Threads that began since the last listing: seized, and how many. */
static size_t seize_new(struct tracees *t)
{
        size_t first = t->n;

        if (task_list_count(&t->tasks) == count_present(t) || t->too_many)
                return 0;
        if (tracees_list(t) == 0 || !seize_from(t, first))
                return 0;
        return t->n - first;
}

void tracees_seize(struct tracees *t, uint64_t duration_ns)
{
        deadline_start(&t->deadline, duration_ns);
        if (seize_from(t, 0))
                for (unsigned round = 0; round < ROUNDS_MAX && seize_new(t) > 0; round++)
                        ;
        deadline_stop(&t->deadline);
}

/* At a tick: is it worth to wait on?  A thread that does not even run will not come soon. */
static bool is_hopeless(const struct tracees *t, const struct tracee *thread)
{
        uint64_t now = clock_monotonic_ns();
        struct blocked where;

        if (now >= t->deadline.end_ns)
                return true;
        return now >= t->deadline.begin_ns + t->deadline.tick_ns &&
               blocked_read(t->tasks.fd, thread->tid, &where) != -EAGAIN;
}

static void wait_from(struct tracees *t, size_t first, tracee_stopped stopped, void *arg)
{
        bool patient = true;

        for (size_t i = first; i < t->n; i++) {
                struct tracee *thread = &t->list[i];

                while (thread->state == TRACEE_SEIZED) {
                        int r = tracee_wait(thread, t->pid, patient);

                        if (r == 0)
                                break;
                        if (!is_hopeless(t, thread)) {
                                patient = true;
                                continue;
                        }
                        /* It may have stopped between the two looks. */
                        if (tracee_wait(thread, t->pid, false) < 0)
                                thread->state = TRACEE_LATE;
                        patient = false;
                }
                if (thread->state == TRACEE_STOPPED)
                        stopped(arg, i);
        }
}

static void interrupt_from(struct tracees *t, size_t first)
{
        for (size_t i = first; i < t->n; i++)
                if (t->list[i].state == TRACEE_SEIZED && tracee_interrupt(t->list[i].tid) < 0)
                        t->list[i].state = TRACEE_GONE;
}

void tracees_stop(struct tracees *t, uint64_t duration_ns, tracee_stopped stopped, void *arg)
{
        size_t first = 0;

        t->begin_ns = clock_monotonic_ns();
        deadline_start(&t->deadline, duration_ns);
        for (unsigned round = 0; round < ROUNDS_MAX; round++) {
                interrupt_from(t, first);
                if (round == 0 && t->interrupted)
                        t->interrupted(t->interrupted_arg);
                wait_from(t, first, stopped, arg);
                first = t->n;
                if (seize_new(t) == 0)
                        break;
        }
        deadline_stop(&t->deadline);
}

void tracees_release(struct tracees *t)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->list[i].state == TRACEE_STOPPED)
                        tracee_release(&t->list[i]);
        t->end_ns = clock_monotonic_ns();
}

/* One that sleeps uninterruptibly would see no EINTR, and is let go when the tracer ends. */
static void wait_for_late(struct tracees *t, struct tracee *thread)
{
        struct blocked where;
        int r = tracee_wait(thread, t->pid, false);

        if (r < 0 && (clock_monotonic_ns() >= t->deadline.end_ns ||
                      blocked_read(t->tasks.fd, thread->tid, &where) != -EAGAIN))
                return;
        while (r < 0 && !(r == -EINTR && is_hopeless(t, thread)))
                r = tracee_wait(thread, t->pid, true);
}

void tracees_wait_late(struct tracees *t, uint64_t duration_ns, tracee_stopped stopped, void *arg)
{
        deadline_start(&t->deadline, duration_ns);
        for (size_t i = 0; i < t->n; i++) {
                struct tracee *thread = &t->list[i];

                if (thread->state != TRACEE_LATE)
                        continue;
                wait_for_late(t, thread);
                if (thread->state != TRACEE_STOPPED)
                        continue;
                thread->late = true;
                stopped(arg, i);
                tracee_release(thread);
        }
        deadline_stop(&t->deadline);
}
