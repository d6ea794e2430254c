/* SPDX-License-Identifier: MIT */
/* manifest - the head of manifest.json: the host, the reason, the target's identity.  Everything but the
 * sections, which the writer knows. */
#ifndef SWANSONG_CAPTURE_MANIFEST_H
#define SWANSONG_CAPTURE_MANIFEST_H

#include <limits.h>

#include "base/buf.h"
#include "capture/capture.h"

/* What is to be learnt of the target while it is certainly there. */
struct identity {
        char exe[PATH_MAX]; /* as the kernel names it, without " (deleted)"; "" unknown */
        bool exe_deleted;
        char build_id[2 * 64 + 1]; /* hex; "" unknown */
        pid_t ns_pid;              /* in its own PID namespace; 0 unknown */
        uint64_t ns[5];            /* mnt net pid user cgroup; 0 unknown */
};

void identity_read(const struct target *t, struct identity *ret);

/* How the capture went, for the final manifest; all zero for the first one. */
struct manifest_result {
        bool complete;
        uint64_t pause_ns; /* UINT64_MAX: nothing was stopped */
        unsigned listed, stopped, syscall, lost;
        const char *condition; /* of docs/bundle.md, or NULL */
};

void manifest_head(const struct capture_request *request, const struct identity *id, uint64_t realtime_ns,
                   uint64_t monotonic_ns, const struct manifest_result *result, struct buf *out);

#endif
