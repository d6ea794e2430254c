/* SPDX-License-Identifier: MIT */
#include "capture/capture_cost.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "capture/collect.h"
#include "capture/manifest.h"
#include "capture/stacks/threads.h"

/* A thread stops, is read (10 KiB of stack) and goes on in 8 to 18 us. */
#define STOP_NS_PER_THREAD (UINT64_C(13) * NS_PER_US)

/* Address space only, but for what the sections take. */
#define SPOOL_MOST ((size_t)128 << 20)

static void writer_freep(struct bundle_writer **w)
{
        if (*w)
                bundle_writer_free(*w);
}

int capture_cost_measure(const struct target *t, struct capture_cost *ret, struct diag *d)
{
        _cleanup_(writer_freep) struct bundle_writer *writer = NULL;
        _cleanup_threads_ struct thread_capture *threads = NULL;
        _cleanup_free_ char *buffer = malloc(COLLECT_BUFFER);
        struct collect collect = {.target = t, .buffer = buffer};
        struct identity id;
        uint64_t begin_ns;
        int r = buffer ? bundle_create_in_memory(SPOOL_MOST, 0, &writer) : -ENOMEM;

        if (r < 0)
                return diag_set(d, r, "PID %d: no memory for a dry run: %s", t->pid, strerror(-r));
        identity_read(t, &id);
        collect.writer = writer;
        collect.ns_pid = id.ns_pid;
        begin_ns = clock_monotonic_ns();
        r = threads_prepare(t, 0, &threads, d);
        if (r < 0)
                return r;
        r = collect_run(&collect);
        if (r < 0)
                return diag_set(d, r, "PID %d: the dry run could not be started: %s", t->pid, strerror(-r));
        *ret = (struct capture_cost){.n_threads = threads_totals(threads).listed,
                                     .reading_ns = clock_monotonic_ns() - begin_ns,
                                     .bytes = bundle_bytes(writer)};
        ret->pause_ns = ret->n_threads * STOP_NS_PER_THREAD;
        return 0;
}
