/* SPDX-License-Identifier: MIT */
/* capture_machine - the machine's files and tables alone, without a target. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "bundle/writer.h"
#include "capture/capture.h"
#include "capture/collect.h"
#include "capture/manifest.h"

/* PID 0: nobody.  Its name is the bundle's. */
static const struct target nobody = {.comm = "machine", .pidfd = -1, .proc_fd = -1};

static char copy_buffer[COLLECT_BUFFER];

static void bundle_writer_freep(struct bundle_writer **w)
{
        bundle_writer_free(*w);
}

int capture_machine(const struct capture_request *request, struct capture_outcome *ret, struct diag *d)
{
        _cleanup_(bundle_writer_freep) struct bundle_writer *writer = NULL;
        struct capture_request machine = *request;
        struct capture_outcome outcome = {.binaries_fd = -1, .pause_ns = UINT64_MAX};
        struct manifest m = {.request = &machine,
                             .realtime_ns = clock_realtime_ns(),
                             .monotonic_ns = clock_monotonic_ns(),
                             .threads.pause_ns = UINT64_MAX};
        struct collect collect = {.target = &nobody, .only = "machine,processes", .buffer = copy_buffer};
        int r;

        machine.target = &nobody;
        r = bundle_create(request->out_dirfd, request->out_dir, nobody.comm, nobody.pid, m.realtime_ns,
                          &writer, d);
        if (r < 0)
                return r;
        r = manifest_write(&m, writer);
        collect.writer = writer;
        if (r == 0)
                r = collect_run(&collect);
        if (r < 0) {
                bundle_discard(writer);
                return diag_set(d, r, "%s: cannot write a bundle there: %s", request->out_dir, strerror(-r));
        }
        m.complete = true;
        outcome.incomplete = manifest_write(&m, writer) < 0 || bundle_incomplete(writer);
        if (bundle_finish(writer, d) < 0)
                outcome.incomplete = true;
        outcome.path = strdup(bundle_path(writer));
        if (!outcome.path)
                return diag_set(d, -ENOMEM, "%s: %s", bundle_path(writer), strerror(ENOMEM));
        *ret = outcome;
        return 0;
}
