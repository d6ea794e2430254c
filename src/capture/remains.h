/* SPDX-License-Identifier: MIT */
/* remains - the bundle of a process that is gone: its recorder, the kernel's word about its end, and what the machine and its
 * memory group look like now. */
#ifndef SWANSONG_CAPTURE_REMAINS_H
#define SWANSONG_CAPTURE_REMAINS_H

#include "base/memory_group.h"
#include "base/recorder/recorder_layout.h"
#include "bundle/writer.h"
#include "capture/capture.h"
#include "capture/stacks/threads.h"

struct remains {
        int recorder_fd;                    /* -1: it left none */
        const struct recorder_header *head; /* of the recorder, or NULL */
        const struct buf *kmsg;             /* docs/bundle.md, or NULL */
        const struct buf *maps;             /* its mappings when they were last read, or NULL */
        const struct thread_capture
                *threads; /* a thread that the kernel saw (threads_take_told()), or NULL */
        bool just_now; /* it has only just ended: copy what is still to be seen of it, its group, the machine */
        const struct memory_group *group; /* where it was, for just_now; or NULL */
};

/* request: where the bundle goes and why; its target says who it was (the descriptors in it are used with just_now only), its
 * guarantee is "recorder" or "kernel".  0, or -errno with d filled and nothing left behind. */
int remains_write(const struct remains *remains, const struct capture_request *request,
                  struct capture_outcome *ret, struct diag *d);

/* Copy a recorder into the section `recorder`. */
void remains_write_recorder(int recorder_fd, struct bundle_writer *w);

#endif
