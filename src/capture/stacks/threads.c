/* SPDX-License-Identifier: MIT */
#include "capture/stacks/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "capture/memory_tight.h"
#include "capture/stacks/modules.h"
#include "capture/stacks/stack_range.h"
#include "capture/stacks/threads_internal.h"
#include "injector/blocked.h"
#include "injector/resume.h"
#include "injector/tracer.h"

#define PF_EXITING 0x00000004

#define MAPS_MAX    ((size_t)64 << 20)
#define AUXV_MAX    4096
#define CMDLINE_MAX 4096

/* A stop takes 10 us; but each thread needs a CPU for it, for which others may compete. */
#define STOP_NS_PER_THREAD (UINT64_C(250) * 1000)

/* How long we stay for threads that got no CPU to stop on, the others running again. */
#define LATE_NS NS_PER_S

#define DESCRIPTOR_BYTES 2304 /* struct pthread, glibc 2.36, x86_64 */

/* A program that replaces itself by exec while we look is looked at again. */
#define EXEC_ATTEMPTS 3

/* When the first thread has ended, /proc/PID/maps and mem are empty; any other thread's are not. */
static void find_memory(struct thread_capture *c)
{
        const struct tracees *t = &c->tracees;

        c->mm_tid = c->target->pid;
        c->mm_fd = openat(c->target->proc_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!c->condition.name || strcmp(c->condition.name, "leader-exited") != 0)
                return;
        for (size_t i = 0; i < t->n; i++) {
                char tid[16];
                int fd;

                snprintf(tid, sizeof(tid), "%d", t->list[i].tid);
                fd = openat(t->tasks.fd, tid, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 || t->list[i].tid == c->target->pid) {
                        fd_closep(&fd);
                        continue;
                }
                fd_closep(&c->mm_fd);
                c->mm_fd = fd;
                c->mm_tid = t->list[i].tid;
                return;
        }
}

/* Everything that one attempt made. */
static void attempt_done(struct thread_capture *c)
{
        stacks_done(&c->stacks);
        pages_done(&c->pages);
        map_index_done(&c->map_index);
        buf_done(&c->maps);
        buf_done(&c->auxv);
        buf_done(&c->cmdline);
        remote_memory_close(&c->memory);
        tracees_done(&c->tracees);
        fd_closep(&c->mm_fd);
}

static int attempt_make(struct thread_capture *c)
{
        const struct target *t = c->target;
        int r;

        c->maps = BUF_GROWING(MAPS_MAX);
        c->auxv = BUF_GROWING(AUXV_MAX);
        c->cmdline = BUF_GROWING(CMDLINE_MAX);
        c->stacks.pagemap_fd = c->memory.fd = c->tracees.tasks.fd = c->mm_fd = -1;
        c->condition = c->purpose.held ? condition_read_held(t) : condition_read(t);
        r = tracees_make(t->proc_fd, t->pid, &c->tracees);
        if (r < 0)
                return r;
        tracees_list(&c->tracees);
        find_memory(c);
        /* What is not permitted to be read is missing; the rest may still be had. */
        file_read_at(c->mm_fd, "maps", &c->maps);
        file_read_at(c->mm_fd, "auxv", &c->auxv);
        file_read_at(c->mm_fd, "cmdline", &c->cmdline);
        remote_memory_open(c->mm_fd, c->mm_tid, c->purpose.tight || memory_is_tight(t), &c->memory);
        pages_init(&c->pages, &c->memory);
        r = map_index_make(&c->maps, &c->map_index);
        if (r < 0)
                return r;
        return stacks_make(&c->stacks, c->mm_fd, &c->map_index, &c->memory,
                           c->purpose.told ? 1 : c->tracees.size, c->purpose.told ? 0 : c->tracees.n);
}

static int prepare(const struct target *t, uint64_t stop_deadline_ns, struct thread_purpose purpose,
                   struct thread_capture **ret, struct diag *d)
{
        _cleanup_threads_ struct thread_capture *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return diag_set(d, -ENOMEM, "PID %d: %s", t->pid, strerror(ENOMEM));
        c->target = t;
        c->stop_deadline_ns = stop_deadline_ns;
        c->purpose = purpose;
        r = attempt_make(c);
        if (r == 0)
                r = target_check(t);
        if (r < 0)
                return diag_set(d, r,
                                r == -ESRCH ? "PID %d: it has just ended"
                                            : "PID %d: cannot prepare to read its threads: %s",
                                t->pid, strerror(-r));
        *ret = take_ptr(c);
        return 0;
}

int threads_prepare(const struct target *t, uint64_t stop_deadline_ns, struct thread_capture **ret,
                    struct diag *d)
{
        return prepare(t, stop_deadline_ns, (struct thread_purpose){0}, ret, d);
}

int threads_prepare_held(const struct target *t, bool tight, struct thread_capture **ret, struct diag *d)
{
        return prepare(t, 0, (struct thread_purpose){.held = true, .tight = tight}, ret, d);
}

int threads_prepare_told(const struct target *t, struct thread_capture **ret, struct diag *d)
{
        int r = prepare(t, 0, (struct thread_purpose){.told = true}, ret, d);

        if (r == 0)
                modules_keep(&(*ret)->pages, &(*ret)->map_index, &(*ret)->maps, &(*ret)->auxv);
        return r;
}

/* What became of reading the registers of thread i, which stands still; false: it has ended, or they are not understood. */
static bool note_registers(struct thread_capture *c, size_t i, int r)
{
        if (r == -ENOTSUP)
                c->stacks.threads[i].reason = "a 32-bit thread: its registers are not understood";
        else if (r < 0)
                c->tracees.list[i].state = TRACEE_GONE; /* killed while it stood still */
        return r == 0;
}

static bool read_registers(struct thread_capture *c, size_t i)
{
        return note_registers(c, i,
                              tracee_registers(c->tracees.list[i].tid, stacks_registers(&c->stacks, i),
                                               c->stacks.arch->gregs_size));
}

static void on_stopped(void *arg, size_t i)
{
        struct thread_capture *c = arg;

        if (read_registers(c, i)) {
                resume_unnoticed(c->tracees.list[i].tid, stacks_registers(&c->stacks, i));
                stacks_take(&c->stacks, i);
        }
}

/* SEIZE refuses a thread that is on its way out (PF_EXITING, include/linux/sched.h) as it does one that is not ours. */
static bool is_leaving(const struct thread_capture *c, pid_t tid)
{
        char path[32], text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief brief;

        snprintf(path, sizeof(path), "task/%d/stat", tid);
        if (file_read_at(c->target->proc_fd, path, &b) < 0)
                return true;
        return stat_brief_parse(b.data, b.len, &brief) == 0 &&
               (brief.flags & PF_EXITING || brief.state == 'X' || brief.state == 'Z');
}

/* A thread that did not stop, or that we may not stop. */
static void look_from_outside(struct thread_capture *c, size_t i)
{
        struct tracee *tracee = &c->tracees.list[i];
        struct thread_copy *copy = &c->stacks.threads[i];
        struct blocked where;
        int r = blocked_read(c->tracees.tasks.fd, tracee->tid, &where);

        if (r == 0) {
                stacks_take_at(&c->stacks, i, where.sp, where.pc);
                copy->reason = tracee->state == TRACEE_LATE ? "it did not stop in time: uninterruptible sleep"
                                                            : "it could not be traced";
        } else if (r == -EAGAIN)
                copy->reason = tracee->state == TRACEE_LATE ? "it did not stop in time"
                                                            : "it could not be traced, and it runs";
        else if (r == -ESRCH) {
                copy->reason = "it ended meanwhile";
                tracee->state = TRACEE_GONE;
        } else
                copy->reason = "it may be neither traced nor read";
}

/* The others run again. */
static void on_late(void *arg, size_t i)
{
        struct thread_capture *c = arg;
        struct thread_copy *copy = &c->stacks.threads[i];

        if (copy->how == HOW_SYSCALL) {
                unsigned char registers[ARCH_GREGS_MAX];
                pid_t tid = c->tracees.list[i].tid;

                /* What was seen of it from outside is of the common instant, and stays. */
                if (tracee_registers(tid, registers, c->stacks.arch->gregs_size) == 0)
                        resume_unnoticed(tid, registers);
                return;
        }
        copy->reason = "it stopped only when the others had gone on";
        on_stopped(c, i);
        stacks_finish(&c->stacks);
}

/* In the tracer. */
static void take(void *arg)
{
        struct thread_capture *c = arg;
        struct tracees *t = &c->tracees;
        uint64_t duration_ns = c->stop_deadline_ns ? c->stop_deadline_ns
                                                   : THREADS_STOP_DEADLINE_NS + t->n * STOP_NS_PER_THREAD;

        if (deadline_make(&t->deadline) < 0) {
                stacks_close(&c->stacks);
                return; /* without a deadline nobody is stopped */
        }
        tracees_seize(t, duration_ns);
        tracees_stop(t, duration_ns, on_stopped, c);
        for (size_t i = 0; i < t->n; i++) {
                c->stacks.threads[i].tid = t->list[i].tid;
                if (t->list[i].state == TRACEE_REFUSED && is_leaving(c, t->list[i].tid))
                        t->list[i].state = TRACEE_GONE;
                if (t->list[i].state == TRACEE_LATE || t->list[i].state == TRACEE_REFUSED)
                        look_from_outside(c, i);
        }
        stacks_finish(&c->stacks);
        tracees_release(t);
        tracees_wait_late(t, LATE_NS, on_late, c);
        stacks_close(&c->stacks);
        deadline_free(&t->deadline);
}

/* In the caller. */
static void help(void *arg)
{
        struct thread_capture *c = arg;

        stacks_help(&c->stacks);
}

/* glibc's descriptor of a thread, where the thread pointer points: on top of its stack, but for the main thread's.
 * gdb's libthread_db gives up if it cannot read one of them.  They change little: read after the pause. */
static void keep_descriptors(struct thread_capture *c)
{
        const struct stacks *s = &c->stacks;

        for (size_t i = 0; s->arch->tp && i < c->tracees.n; i++) {
                const struct thread_copy *t = &s->threads[i];
                uint64_t tp = arch_get(stacks_registers(s, i), s->arch->tp);
                uint64_t page = tp >= t->start ? (tp - t->start) / s->page_size : STACK_PAGES_MAX;

                if (t->how == HOW_STOPPED && (page >= STACK_PAGES_MAX || !(t->had >> page & 1)))
                        pages_keep(&c->pages, tp, DESCRIPTOR_BYTES);
        }
}

static int take_once(struct thread_capture *c)
{
        struct condition after;
        int r = target_check(c->target);

        if (r == 0) {
                modules_keep(&c->pages, &c->map_index, &c->maps, &c->auxv);
                r = tracer_run(take, help, c);
        }
        keep_descriptors(c);
        /* In this order: reaped between the two, it would look alive and well. */
        after = condition_read(c->target);
        if (r == 0)
                r = target_check(c->target);
        c->died = r == -ESRCH || (!c->condition.name && after.name &&
                                  (strcmp(after.name, "zombie") == 0 || strcmp(after.name, "exiting") == 0));
        return r == 0 && c->died ? -ESRCH : r;
}

int threads_take(struct thread_capture **c)
{
        for (unsigned attempt = 0;; attempt++) {
                _cleanup_threads_ struct thread_capture *again = NULL;
                struct diag ignored;
                int r = take_once(*c);

                if (r < 0 || attempt == EXEC_ATTEMPTS || (*c)->pages.n == 0 ||
                    !remote_memory_gone(&(*c)->memory, (*c)->pages.addresses[0]))
                        return r;
                r = threads_prepare((*c)->target, (*c)->stop_deadline_ns, &again, &ignored);
                if (r < 0) {
                        /* It has not exec'ed, it has ended: what was taken is all that there will be. */
                        (*c)->died = r == -ESRCH;
                        return r;
                }
                threads_free(*c);
                *c = take_ptr(again);
        }
}

void threads_take_held(struct thread_capture *c, const struct held_thread *held, size_t n)
{
        struct tracees *t = &c->tracees;

        c->condition = (struct condition){0}; /* that it is exiting is what we came for */
        t->begin_ns = clock_monotonic_ns();
        t->n = n < t->size ? n : t->size;
        for (size_t i = 0; i < t->n; i++) {
                t->list[i] = (struct tracee){.tid = held[i].tid, .state = TRACEE_STOPPED};
                c->stacks.threads[i].tid = held[i].tid;
                memcpy(stacks_registers(&c->stacks, i), held[i].registers, c->stacks.arch->gregs_size);
                if (note_registers(c, i, held[i].error))
                        stacks_take(&c->stacks, i);
        }
        stacks_finish(&c->stacks);
        t->end_ns = clock_monotonic_ns();
        /* It does not run: what is less perishable than stacks comes after them. */
        modules_keep(&c->pages, &c->map_index, &c->maps, &c->auxv);
}

const struct buf *threads_maps(const struct thread_capture *c)
{
        return &c->maps;
}

struct thread_totals threads_totals(const struct thread_capture *c)
{
        struct thread_totals totals = {
                .listed = (unsigned)c->tracees.n,
                .pause_ns = UINT64_MAX,
                .condition = c->condition.name,
                .sentence = c->condition.sentence,
        };
        bool any = false;

        for (size_t i = 0; i < c->tracees.n; i++) {
                totals.stopped += c->stacks.threads[i].how == HOW_STOPPED;
                totals.syscall += c->stacks.threads[i].how == HOW_SYSCALL;
                any |= c->tracees.list[i].state == TRACEE_STOPPED;
        }
        totals.lost = totals.listed - totals.stopped - totals.syscall;
        if (any)
                totals.pause_ns = c->tracees.end_ns - c->tracees.begin_ns;
        return totals;
}

void threads_free(struct thread_capture *c)
{
        if (c)
                attempt_done(c);
        free(c);
}
