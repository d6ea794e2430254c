/* SPDX-License-Identifier: MIT */
/* manifest - the head of manifest.json: the host, the reason, the target's identity.  Everything but the
 * sections, which the writer knows. */
#ifndef SWANSONG_CAPTURE_MANIFEST_H
#define SWANSONG_CAPTURE_MANIFEST_H

#include <limits.h>

#include "base/buf.h"
#include "base/build_id.h"
#include "capture/capture.h"
#include "capture/stacks/threads.h"

/* What is to be learnt of the target while it is certainly there. */
struct identity {
        char exe[PATH_MAX]; /* as the kernel names it, without " (deleted)"; "" unknown */
        bool exe_deleted;
        char build_id[BUILD_ID_TEXT]; /* "" unknown */
        pid_t ns_pid;                 /* in its own PID namespace; 0 unknown */
        uint64_t ns[5];               /* mnt net pid user cgroup; 0 unknown */
};

void identity_read(const struct target *t, struct identity *ret);

/* Of a capture at the kill, CLOCK_MONOTONIC; first_stop_ns is 0 when there was none. */
struct kill_times {
        uint64_t first_stop_ns;   /* the first thread was seen in its exit, */
        uint64_t threads_read_ns; /* registers and stacks of all had been copied, */
        uint64_t let_go_ns;       /* and they went on to die */
};

struct manifest {
        const struct capture_request *request;
        struct identity id;
        uint64_t realtime_ns, monotonic_ns; /* when the capture began */
        bool complete;
        struct thread_totals threads;
        struct kill_times kill;
};

/* Appends the open object that bundle_write_manifest() wants. */
void manifest_head(const struct manifest *m, struct buf *out);

/* Write manifest.json, or replace it.  0 or -errno. */
int manifest_write(const struct manifest *m, struct bundle_writer *w);

#endif
