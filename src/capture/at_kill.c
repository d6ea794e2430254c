/* SPDX-License-Identifier: MIT */
#include "capture/at_kill.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "capture/collect.h"
#include "capture/collect_child.h"
#include "capture/remains.h"
#include "capture/table.h"
#include "capture/stacks/threads.h"
#include "injector/priority.h"
#include "injector/tracee.h"

/* The collectors' sections: 60,000 mappings are 45 MiB of smaps.  Most processes need less than 1 MiB. */
#define SPOOL_MOST    ((size_t)128 << 20)
#define SPOOL_TOUCHED ((size_t)1 << 20)

/* Registers of so many threads will cause no page fault. */
#define THREADS_TOUCHED 128

struct at_kill {
        const struct target *target;
        struct manifest manifest;
        uint64_t end_ns; /* of the budget */
        size_t max_held, n_held;
        struct held_thread *held;
        unsigned n_missing;
        bool tight; /* it is killed for memory; of a crash that is not known */
        struct bundle_writer *writer;
        struct thread_capture *threads;
        size_t steps; /* 1 for the threads, then the collectors' rows */
        struct collect collect;
        struct collect_progress progress;
        bool later[COLLECT_ROWS_MAX];
        char *buffer;
        int recorder_fd; /* opened at the kill, copied afterwards: nobody waits for it */
        int prepare_error;
        struct diag prepare_diag;
};

int at_kill_make(size_t max_threads, struct at_kill **ret)
{
        struct at_kill *k = calloc(1, sizeof(*k));
        int r = -ENOMEM;

        if (!k)
                return r;
        k->max_held = max_threads;
        k->recorder_fd = -1;
        k->buffer = malloc(COLLECT_BUFFER);
        k->held = mmap(NULL, max_threads * sizeof(*k->held), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (k->held == MAP_FAILED)
                k->held = NULL;
        if (k->buffer && k->held)
                r = bundle_create_in_memory(SPOOL_MOST, SPOOL_TOUCHED, &k->writer);
        if (r < 0) {
                at_kill_free(k);
                return r;
        }
        memset(k->buffer, 0, COLLECT_BUFFER);
        memset(k->held, 0,
               (max_threads < THREADS_TOUCHED ? max_threads : THREADS_TOUCHED) * sizeof(*k->held));
        *ret = k;
        return 0;
}

void at_kill_free(struct at_kill *k)
{
        if (!k)
                return;
        if (k->held)
                munmap(k->held, k->max_held * sizeof(*k->held));
        bundle_writer_free(k->writer);
        threads_free(k->threads);
        fd_closep(&k->recorder_fd);
        inode_set_done(&k->collect.sockets);
        free(k->buffer);
        free(k);
}

void at_kill_begin(struct at_kill *k, const struct target *t, const struct identity *id,
                   const struct attend_dying *dying, uint64_t budget_ns, enum census_how census)
{
        struct manifest *m = &k->manifest;

        k->target = t;
        k->end_ns = dying->first_stop_ns + budget_ns;
        k->n_missing = (unsigned)dying->n_missing;
        k->tight = dying->signal == SIGKILL;
        k->n_held = dying->n_tids < k->max_held ? dying->n_tids : k->max_held;
        for (size_t i = 0; i < k->n_held; i++) {
                k->held[i].tid = dying->tids[i];
                k->held[i].error =
                        tracee_registers(dying->tids[i], k->held[i].registers, arch_host()->gregs_size);
        }
        m->id = *id;
        m->realtime_ns = clock_realtime_ns();
        m->monotonic_ns = clock_monotonic_ns();
        m->kill.first_stop_ns = dying->first_stop_ns;
        k->collect = (struct collect){.target = t,
                                      .writer = k->writer,
                                      .own_process = true,
                                      .cpu_fd = -1,
                                      .end_ns = k->end_ns,
                                      .later = k->later,
                                      .ns_pid = id->ns_pid,
                                      .progress = &k->progress,
                                      .census = census,
                                      .recorder_fd = &k->recorder_fd,
                                      .buffer = k->buffer};
}

static void take_threads(struct at_kill *k)
{
        struct thread_totals *totals = &k->manifest.threads;

        k->prepare_error = threads_prepare_held(k->target, k->tight, &k->threads, &k->prepare_diag);
        if (k->prepare_error == 0) {
                threads_take_held(k->threads, k->held, k->n_held);
                *totals = threads_totals(k->threads);
        }
        totals->lost += k->n_missing;
        totals->listed += k->n_missing;
        k->manifest.kill.threads_read_ns = clock_monotonic_ns();
}

size_t at_kill_step(struct at_kill *k)
{
        if (k->steps == AT_KILL_DONE)
                return AT_KILL_DONE;
        if (k->steps == 0) {
                take_threads(k);
                k->steps = 1;
        } else {
                k->steps = 1 + collect_row(&k->collect, k->steps - 1);
        }
        if (k->steps > n_collectors)
                k->steps = AT_KILL_DONE;
        return k->steps;
}

void at_kill_take(struct at_kill *k)
{
        while (at_kill_step(k) != AT_KILL_DONE)
                ;
}

bool at_kill_moved(struct at_kill *k)
{
        bool moved = k->collect.moved;

        k->collect.moved = false;
        return moved;
}

void at_kill_let_go(struct at_kill *k)
{
        k->manifest.kill.let_go_ns = clock_monotonic_ns();
}

static void write_sections(struct at_kill *k, const struct capture_request *request, const struct buf *kmsg)
{
        if (k->threads)
                threads_write(k->threads, k->writer);
        else
                section_missing(k->writer, "core", false, -k->prepare_error, k->prepare_diag.text);
        if (k->recorder_fd >= 0)
                remains_write_recorder(k->recorder_fd, k->writer);
        if (request->history && request->history->len > 0)
                section_put(k->writer, "history.tsv", request->history->data, request->history->len);
        if (kmsg && kmsg->len > 0)
                section_put(k->writer, "kmsg", kmsg->data, kmsg->len);
        else if (!kmsg)
                section_missing(k->writer, "kmsg", true, 0, "the kernel's log could not be read");
}

/* What was put off, and who else was there a moment later; the victim itself is gone. */
static void write_later(struct at_kill *k, struct storm *storm)
{
        struct collect collect = {.target = k->target,
                                  .writer = k->writer,
                                  .chosen = k->later,
                                  .ns_pid = k->manifest.id.ns_pid,
                                  .buffer = k->buffer};
        bool tables = tables_due(storm, k->writer);
        int r;

        /* Nothing of the victim can be lost any more: a second of work must not come before all others'. */
        priority_restore(&(struct priority){.policy = SCHED_OTHER});
        for (size_t i = 0; i < n_collectors; i++)
                if (strcmp(collectors[i].group, "processes") == 0)
                        k->later[i] = tables;
        r = collect_run(&collect);
        for (size_t i = 0; r < 0 && i < n_collectors; i++) {
                char path[128];

                collector_path(&collect, &collectors[i], path, sizeof(path));
                if (k->later[i])
                        section_missing(k->writer, path, collectors[i].optional, -r, NULL);
        }
}

int at_kill_write(struct at_kill *k, const struct capture_request *request, const struct buf *kmsg,
                  struct capture_outcome *ret, struct diag *d)
{
        struct manifest *m = &k->manifest;
        struct capture_outcome outcome = {.binaries_fd = -1, .target_died = true};
        int r, write_error;

        m->request = request;
        /* How long its death has waited for us. */
        outcome.pause_ns = m->threads.pause_ns = m->kill.let_go_ns - m->kill.first_stop_ns;
        write_error = bundle_write_out(k->writer, request->out_dirfd, request->out_dir, k->target->comm,
                                       k->target->pid, m->realtime_ns, d);
        /* Without a directory there is nothing; with one that is full there is what fits. */
        if (!bundle_path(k->writer))
                return write_error;
        write_sections(k, request, kmsg);
        write_later(k, request->storm);
        m->complete = true;
        r = manifest_write(m, k->writer);
        outcome.incomplete = r < 0 || write_error < 0 || bundle_incomplete(k->writer);
        if (bundle_finish(k->writer, d) < 0)
                outcome.incomplete = true;
        outcome.path = strdup(bundle_path(k->writer));
        if (!outcome.path)
                return diag_set(d, -ENOMEM, "%s: %s", bundle_path(k->writer), strerror(ENOMEM));
        *ret = outcome;
        return 0;
}
