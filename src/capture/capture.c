/* SPDX-License-Identifier: MIT */
#include "capture/capture.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "bundle/writer.h"
#include "capture/collect.h"
#include "capture/manifest.h"

#define HEAD_MAX 32768 /* exe may take 4 KiB, six times that when every byte is escaped */

/* For the whole of the program's life: a capture is no time for malloc(). */
static char copy_buffer[COLLECT_BUFFER];
static char head_memory[HEAD_MAX];

struct capture {
        const struct capture_request *request;
        struct identity id;
        struct bundle_writer *writer;
        uint64_t realtime_ns, monotonic_ns;
        struct manifest_result result;
};

static void capture_done(struct capture *c)
{
        bundle_writer_free(c->writer);
}

static int manifest_write(struct capture *c)
{
        struct buf head = BUF_FIXED(head_memory, sizeof(head_memory));

        manifest_head(c->request, &c->id, c->realtime_ns, c->monotonic_ns, &c->result, &head);
        return head.cut ? -ENOBUFS : bundle_write_manifest(c->writer, head.data, head.len);
}

/* Everything that needs no target to be still: nothing is left behind when it fails. */
static int capture_begin(struct capture *c, struct diag *d)
{
        const struct target *t = c->request->target;
        int r;

        identity_read(t, &c->id);
        c->realtime_ns = clock_realtime_ns();
        c->monotonic_ns = clock_monotonic_ns();
        c->result.pause_ns = UINT64_MAX;
        r = bundle_create(c->request->out_dirfd, c->request->out_dir, t->comm, t->pid, c->realtime_ns,
                          &c->writer, d);
        if (r < 0)
                return r;
        r = manifest_write(c);
        if (r < 0)
                diag_set(d, r, "%s: cannot write: %s", c->request->out_dir, strerror(-r));
        if (r == 0 && target_check(t) < 0)
                r = diag_set(d, -ESRCH, "PID %d (%s) has just ended", t->pid, t->comm);
        if (r < 0)
                bundle_discard(c->writer);
        return r;
}

int capture_run(const struct capture_request *request, struct capture_outcome *ret, struct diag *d)
{
        _cleanup_(capture_done) struct capture c = {.request = request};
        struct collect collect = {.target = request->target,
                                  .only = request->only,
                                  .with_environ = request->with_environ,
                                  .buffer = copy_buffer};
        struct capture_outcome outcome = {.binaries_fd = -1, .pause_ns = UINT64_MAX};
        int r = capture_begin(&c, d);

        if (r < 0)
                return r;
        collect.writer = c.writer;
        collect.ns_pid = c.id.ns_pid;
        r = collect_run(&collect);
        if (r < 0)
                section_missing(c.writer, "proc", false, -r, "the collectors could not be started");
        if (request->history)
                section_put(c.writer, "history.tsv", request->history->data, request->history->len);
        c.result.complete = true;
        outcome.target_died = collect.target_died;
        outcome.incomplete = bundle_incomplete(c.writer) || outcome.target_died || manifest_write(&c) < 0;
        /* When the name cannot be given, the evidence is still where bundle_path() says. */
        if (bundle_finish(c.writer, d) < 0)
                outcome.incomplete = true;
        outcome.path = strdup(bundle_path(c.writer));
        if (!outcome.path)
                return diag_set(d, -ENOMEM, "%s: %s", bundle_path(c.writer), strerror(ENOMEM));
        *ret = outcome;
        return 0;
}

void capture_outcome_done(struct capture_outcome *o)
{
        free(o->path);
        *o = (struct capture_outcome){.binaries_fd = -1};
}

int capture_only_check(const char *only, struct diag *d)
{
        for (const char *p = only, *end; p; p = end) {
                char known[256] = "stacks", word[32];
                bool found;
                size_t n;

                p += *p == ',';
                end = strchr(p, ',');
                n = end ? (size_t)(end - p) : strlen(p);
                snprintf(word, sizeof(word), "%.*s", (int)n, p);
                found = n < sizeof(word) && strcmp(word, "stacks") == 0;
                for (size_t i = 0; i < n_collectors && !found; i++) {
                        if (!collect_wants(known, collectors[i].group)) {
                                strcat(known, ",");
                                strcat(known, collectors[i].group);
                        }
                        found = n < sizeof(word) && strcmp(word, collectors[i].group) == 0;
                }
                if (!found)
                        return diag_set(d, -EINVAL, "'%.*s' is no group of files; there are %s", (int)n, p,
                                        known);
        }
        return 0;
}

int capture_prepare(void)
{
        return 0;
}
