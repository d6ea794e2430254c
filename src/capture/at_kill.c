/* SPDX-License-Identifier: MIT */
#include "capture/at_kill.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "capture/collect.h"
#include "capture/collect_child.h"
#include "capture/manifest.h"
#include "capture/table.h"
#include "capture/remains.h"
#include "capture/threads.h"

/* Freed when the kill comes, so that there is memory to work with: in a machine-wide OOM the first allocation would otherwise wait
 * 2 s for the oom_reaper, and by then the victim's memory is gone (16 MiB were enough for everything). */
#define BALLAST_BYTES ((size_t)16 << 20)

/* The collectors' sections: 60,000 mappings are 45 MiB of smaps.  Most processes need less than 1 MiB. */
#define SPOOL_MOST    ((size_t)128 << 20)
#define SPOOL_TOUCHED ((size_t)1 << 20)

struct at_kill {
        const struct target *target;
        struct manifest manifest;
        uint64_t budget_ns;
        void *ballast;
        struct bundle_writer *writer;
        struct thread_capture *threads;
        struct collect_progress progress;
        char *buffer;
        int recorder_fd; /* opened at the kill, copied afterwards: nobody waits for it */
        bool taken;
        int prepare_error;
        struct diag prepare_diag;
};

int at_kill_make(const struct target *t, uint64_t budget_ns, struct at_kill **ret, struct diag *d)
{
        struct at_kill *k = calloc(1, sizeof(*k));
        int r = k ? 0 : -ENOMEM;

        if (r == 0) {
                k->target = t;
                k->recorder_fd = -1;
                k->budget_ns = budget_ns;
                k->buffer = malloc(COLLECT_BUFFER);
                k->ballast = mmap(NULL, BALLAST_BYTES, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
                if (k->ballast == MAP_FAILED)
                        k->ballast = NULL;
                r = k->buffer && k->ballast ? bundle_create_in_memory(SPOOL_MOST, SPOOL_TOUCHED, &k->writer)
                                            : -ENOMEM;
        }
        if (r < 0) {
                at_kill_free(k);
                return diag_set(d, r, "PID %d: no memory to prepare for its end: %s", t->pid, strerror(-r));
        }
        memset(k->buffer, 0, COLLECT_BUFFER);
        identity_read(t, &k->manifest.id);
        *ret = k;
        return 0;
}

void at_kill_free(struct at_kill *k)
{
        if (!k)
                return;
        if (k->ballast)
                munmap(k->ballast, BALLAST_BYTES);
        bundle_writer_free(k->writer);
        threads_free(k->threads);
        fd_closep(&k->recorder_fd);
        free(k->buffer);
        free(k);
}

bool at_kill_taken(const struct at_kill *k)
{
        return k->taken;
}

static void take_threads(struct at_kill *k, const struct target *t, const struct attend_dying *dying)
{
        k->prepare_error = threads_prepare(t, 0, &k->threads, &k->prepare_diag);
        if (k->prepare_error < 0)
                return;
        threads_take_held(k->threads, dying->tids, dying->n_tids);
}

void at_kill_take(struct at_kill *k, const struct attend_dying *dying)
{
        struct manifest *m = &k->manifest;
        const struct target *t = k->target;
        struct collect collect = {.target = t,
                                  .writer = k->writer,
                                  .own_process = true,
                                  .end_ns = dying->first_stop_ns + k->budget_ns,
                                  .ns_pid = m->id.ns_pid,
                                  .progress = &k->progress,
                                  .recorder_fd = &k->recorder_fd,
                                  .buffer = k->buffer};

        if (k->taken)
                return;
        k->taken = true;
        munmap(k->ballast, BALLAST_BYTES);
        k->ballast = NULL;
        m->realtime_ns = clock_realtime_ns();
        m->monotonic_ns = clock_monotonic_ns();
        take_threads(k, t, dying);
        collect_rows(&collect, 0);
        if (k->threads)
                m->threads = threads_totals(k->threads);
        m->threads.lost += (unsigned)dying->n_missing;
        m->threads.listed += (unsigned)dying->n_missing;
        /* How long its death has waited for us. */
        m->threads.pause_ns = clock_monotonic_ns() - dying->first_stop_ns;
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

/* Who else was there a moment later; the victim itself is gone. */
static void write_tables(struct at_kill *k, struct storm *storm)
{
        struct collect collect = {.target = k->target,
                                  .writer = k->writer,
                                  .only = "processes",
                                  .ns_pid = k->manifest.id.ns_pid,
                                  .buffer = k->buffer};
        int r = tables_due(storm, k->writer) ? collect_run(&collect) : 0;

        if (r < 0)
                section_missing(k->writer, "processes.tsv", true, -r, NULL);
}

int at_kill_write(struct at_kill *k, const struct capture_request *request, const struct buf *kmsg,
                  struct capture_outcome *ret, struct diag *d)
{
        struct capture_outcome outcome = {
                .binaries_fd = -1, .target_died = true, .pause_ns = k->manifest.threads.pause_ns};
        int r, write_error;

        k->manifest.request = request;
        write_error = bundle_write_out(k->writer, request->out_dirfd, request->out_dir, k->target->comm,
                                       k->target->pid, k->manifest.realtime_ns, d);
        /* Without a directory there is nothing; with one that is full there is what fits. */
        if (!bundle_path(k->writer))
                return write_error;
        write_sections(k, request, kmsg);
        write_tables(k, request->storm);
        k->manifest.complete = true;
        r = manifest_write(&k->manifest, k->writer);
        outcome.incomplete = r < 0 || write_error < 0 || bundle_incomplete(k->writer);
        if (bundle_finish(k->writer, d) < 0)
                outcome.incomplete = true;
        outcome.path = strdup(bundle_path(k->writer));
        if (!outcome.path)
                return diag_set(d, -ENOMEM, "%s: %s", bundle_path(k->writer), strerror(ENOMEM));
        *ret = outcome;
        return 0;
}
