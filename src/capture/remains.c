/* SPDX-License-Identifier: MIT */
#include "capture/remains.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/recorder/recorder_head.h"
#include "bundle/writer.h"
#include "capture/collect.h"
#include "capture/collect_child.h"
#include "capture/manifest.h"

/* As in collectors.def. */
#define RECORDER_MOST (UINT64_C(1) << 30)

void remains_write_recorder(int recorder_fd, struct bundle_writer *w)
{
        char piece[65536];
        uint64_t at = 0;
        ssize_t n = 0;

        section_begin(w, "recorder", true);
        while (at < RECORDER_MOST) {
                n = pread(recorder_fd, piece, sizeof(piece), (off_t)at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                section_write(w, piece, (size_t)n);
                at += (uint64_t)n;
        }
        if (n < 0)
                section_end(w, SECTION_CUT, errno, NULL);
        else if (n > 0)
                section_end(w, SECTION_CUT, 0, "longer than is kept of one file");
        else
                section_end(w, SECTION_OK, 0, NULL);
}

/* What the recorder knows of its process, which /proc does not any more. */
static void identify(const struct remains *remains, struct manifest *m)
{
        const struct recorder_header *h = remains->head;

        m->realtime_ns = clock_realtime_ns();
        m->monotonic_ns = clock_monotonic_ns();
        m->threads.pause_ns = UINT64_MAX;
        if (remains->just_now)
                identity_read(m->request->target, &m->id);
        if (!h)
                return;
        snprintf(m->id.exe, sizeof(m->id.exe), "%s", h->exe);
        m->id.ns_pid = h->pid <= INT32_MAX ? (pid_t)h->pid : 0;
        m->realtime_ns = recorder_realtime(h, h->updated_ns);
        m->monotonic_ns = h->updated_ns;
}

static void write_sections(const struct remains *remains, const struct capture_request *request,
                           struct bundle_writer *w)
{
        if (remains->recorder_fd >= 0)
                remains_write_recorder(remains->recorder_fd, w);
        else
                section_missing(w, "recorder", true, 0,
                                "the process left none: it did not run under the agent");
        if (request->history && request->history->len > 0)
                section_put(w, "history.tsv", request->history->data, request->history->len);
        if (remains->threads)
                threads_write(remains->threads, w);
        if (remains->maps && remains->maps->len > 0)
                section_put(w, "maps", remains->maps->data, remains->maps->len);
        if (remains->kmsg && remains->kmsg->len > 0)
                section_put(w, "kmsg", remains->kmsg->data, remains->kmsg->len);
        else
                section_missing(w, "kmsg", true, 0,
                                "the kernel's log has no word of it, or could not be read");
}

/* How much of it there is depends on how far its end has come: nothing of this makes the bundle incomplete. */
static void collect_rest(const struct remains *remains, const struct capture_request *request,
                         struct bundle_writer *w)
{
        static char buffer[COLLECT_BUFFER];
        struct collect_progress progress = {0};
        struct collect collect = {.target = request->target,
                                  .writer = w,
                                  .only = "process,cgroup,machine",
                                  .group = remains->group,
                                  .progress = &progress,
                                  .buffer = buffer};

        collect_rows(&collect, 0);
        if (!remains->threads)
                section_missing(w, "core", true, ESRCH, "it was not attended when the kernel killed it");
}

/* On a disk that is full there is what fits; nothing, when not even a byte does. */
static int write_all(const struct remains *remains, struct manifest *m, struct bundle_writer *w,
                     struct capture_outcome *ret, struct diag *d)
{
        int r;

        write_sections(remains, m->request, w);
        if (remains->just_now)
                collect_rest(remains, m->request, w);
        m->complete = true;
        r = manifest_write(m, w);
        if (r < 0 && bundle_bytes(w) == 0) {
                diag_set(d, r, "%s: %s", bundle_path(w), strerror(-r));
                bundle_discard(w);
                return r;
        }
        ret->incomplete = r < 0 || (!remains->just_now && bundle_incomplete(w));
        if (bundle_finish(w, d) < 0)
                ret->incomplete = true;
        ret->path = strdup(bundle_path(w));
        return ret->path ? 0 : diag_set(d, -ENOMEM, "%s: %s", bundle_path(w), strerror(ENOMEM));
}

int remains_write(const struct remains *remains, const struct capture_request *request,
                  struct capture_outcome *ret, struct diag *d)
{
        const struct target *t = request->target;
        struct capture_outcome outcome = {.binaries_fd = -1, .target_died = true, .pause_ns = UINT64_MAX};
        struct manifest m = {.request = request};
        struct bundle_writer *w;
        int r;

        identify(remains, &m);
        r = bundle_create(request->out_dirfd, request->out_dir, t->comm, t->pid, m.realtime_ns, &w, d);
        if (r < 0)
                return r;
        r = write_all(remains, &m, w, &outcome, d);
        bundle_writer_free(w);
        if (r == 0)
                *ret = outcome;
        return r;
}
