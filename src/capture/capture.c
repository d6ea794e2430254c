/* SPDX-License-Identifier: MIT */
#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "bundle/writer.h"
#include "capture/collectors/binaries.h"
#include "capture/collect.h"
#include "capture/stacks/condition.h"
#include "capture/manifest.h"
#include "capture/table.h"
#include "capture/stacks/threads.h"

/* For the whole of the program's life: a capture is no time for malloc(). */
static char copy_buffer[COLLECT_BUFFER];

struct capture {
        struct manifest manifest;
        struct bundle_writer *writer;
        struct thread_capture *threads;
        uint64_t start_stack; /* at the beginning */
        struct target seen;   /* the target, or as another thread shows it when its first has ended */
        int binaries_fd;
        bool target_died;
};

static void capture_done(struct capture *c)
{
        threads_free(c->threads);
        bundle_writer_free(c->writer);
        binaries_close(c->binaries_fd);
        if (c->seen.proc_fd != c->manifest.request->target->proc_fd)
                fd_closep(&c->seen.proc_fd);
}

/* 0 when the process has no memory, or does not let us see.  One that executes has none for a moment, and then looks
 * like one that exits, or has gone: look again. */
static uint64_t start_stack(const struct target *t)
{
        uint64_t address = target_start_stack(t);

        for (unsigned i = 0; i < 10 && address == 0; i++) {
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
                address = target_start_stack(t);
        }
        return address;
}

/* The bundle, with its first manifest, before the target is touched.  Nothing is left behind when it fails. */
static int capture_begin(struct capture *c, const struct capture_request *request, struct diag *d)
{
        const struct target *t = request->target;
        int r;

        c->manifest.request = request;
        c->manifest.threads.pause_ns = UINT64_MAX;
        c->manifest.realtime_ns = clock_realtime_ns();
        c->manifest.monotonic_ns = clock_monotonic_ns();
        c->start_stack = start_stack(t);
        if (target_as_seen(t, &c->seen) < 0)
                c->seen = *t;
        identity_read(&c->seen, &c->manifest.id);
        r = bundle_create(request->out_dirfd, request->out_dir, t->comm, t->pid, c->manifest.realtime_ns,
                          &c->writer, d);
        if (r < 0)
                return r;
        r = manifest_write(&c->manifest, c->writer);
        if (r < 0)
                diag_set(d, r, "%s: cannot write a bundle there: %s", request->out_dir, strerror(-r));
        if (r == 0 && target_check(t) < 0)
                r = diag_set(d, -ESRCH, "PID %d (%s) has just ended", t->pid, t->comm);
        if (r < 0)
                bundle_discard(c->writer);
        return r;
}

/* Registers and stacks.  Without them the rest is still worth having, unless the target has ended before it was
 * looked at: -ESRCH. */
static int capture_stacks(struct capture *c, struct diag *d)
{
        const struct capture_request *request = c->manifest.request;
        int r = threads_prepare(request->target, request->stop_deadline_ns, &c->threads, d);

        if (r == -ESRCH) {
                bundle_discard(c->writer);
                return r;
        }
        if (r < 0) {
                section_missing(c->writer, "core", false, -r, d->text);
                return 0;
        }
        if (!request->has_binaries) {
                r = binaries_open(&c->seen, threads_maps(c->threads), BINARIES_MAX);
                if (r >= 0)
                        c->binaries_fd = r;
        }
        r = threads_take(&c->threads);
        if (request->untraced)
                request->untraced(request->untraced_data);
        c->target_died = r == -ESRCH;
        c->manifest.threads = threads_totals(c->threads);
        threads_write(c->threads, c->writer);
        /* Stacks cannot be read without it; the collectors take a later copy with the process's other files.
         */
        if (!collect_wants(request->only, "process")) {
                char path[32];

                snprintf(path, sizeof(path), "proc/%d/maps", request->target->pid);
                section_put(c->writer, path, threads_maps(c->threads)->data, threads_maps(c->threads)->len);
        }
        threads_free(take_ptr(c->threads));
        return 0;
}

static void capture_rest(struct capture *c)
{
        const struct capture_request *request = c->manifest.request;
        struct collect collect = {.target = &c->seen,
                                  .process = request->target,
                                  .writer = c->writer,
                                  .only = request->only,
                                  .with_environ = request->with_environ,
                                  .census = request->census,
                                  .with_contents = request->with_contents,
                                  .with_malloc_info = request->with_malloc_info,
                                  .without_tables = !tables_due(request->storm, c->writer),
                                  .ns_pid = c->manifest.id.ns_pid,
                                  .buffer = copy_buffer};
        int r = collect_run(&collect);

        if (r < 0)
                section_missing(c->writer, "proc", false, -r, "the collectors could not be started");
        c->target_died |= collect.target_died;
        if (request->history)
                section_put(c->writer, "history.tsv", request->history->data, request->history->len);
}

/* Its end after the last copy takes nothing from what there is. */
static bool has_ended(const struct target *t)
{
        struct condition now = condition_read(t);

        return (now.name && strcmp(now.name, "zombie") == 0) || target_check(t) < 0;
}

/* An exec keeps the PID and the start time: without a word, one program's stacks would stand beside another
 * one's memory. */
static void check_exec(struct capture *c)
{
        static const char executed[] = "it executed a program during the capture: the parts of this bundle "
                                       "may be of different programs";
        static const char gone[] =
                "its first thread has ended, or it was executing a program, at the end of the capture";
        const struct target *t = c->manifest.request->target;
        uint64_t now = c->target_died ? c->start_stack : start_stack(t);
        char path[32];

        if (now == c->start_stack || (now == 0 && has_ended(t)))
                return;
        snprintf(path, sizeof(path), "proc/%d", t->pid);
        section_missing(c->writer, path, false, ESTALE, now ? executed : gone);
        if (now) {
                c->manifest.threads.condition = "executed";
                c->manifest.threads.sentence = executed;
        }
}

/* All could be read, but some of it (a zombie's status has no memory) is of a process that was no more. */
static void check_end(struct capture *c)
{
        char path[32];

        if (!c->target_died || bundle_incomplete(c->writer))
                return;
        snprintf(path, sizeof(path), "proc/%d", c->manifest.request->target->pid);
        section_died(c->writer, path, false);
}

int capture_run(const struct capture_request *request, struct capture_outcome *ret, struct diag *d)
{
        _cleanup_(capture_done) struct capture c = {.binaries_fd = -1, .seen = TARGET_NONE};
        struct capture_outcome outcome = {0};
        int r = capture_begin(&c, request, d);

        if (r == 0 && collect_wants(request->only, "stacks"))
                r = capture_stacks(&c, d);
        if (r < 0)
                return r;
        capture_rest(&c);
        check_exec(&c);
        check_end(&c);
        c.manifest.complete = true;
        outcome.incomplete = manifest_write(&c.manifest, c.writer) < 0 || bundle_incomplete(c.writer);
        /* When the name cannot be given, the evidence is still where bundle_path() says. */
        if (bundle_finish(c.writer, d) < 0)
                outcome.incomplete = true;
        outcome.target_died = c.target_died;
        outcome.pause_ns = c.manifest.threads.pause_ns;
        outcome.path = strdup(bundle_path(c.writer));
        if (!outcome.path)
                return diag_set(d, -ENOMEM, "%s: %s", bundle_path(c.writer), strerror(ENOMEM));
        outcome.binaries_fd = take_fd(&c.binaries_fd);
        *ret = outcome;
        return 0;
}

void capture_outcome_done(struct capture_outcome *o)
{
        free(o->path);
        binaries_close(o->binaries_fd);
        *o = (struct capture_outcome){.binaries_fd = -1};
}
