/* SPDX-License-Identifier: MIT */
/* pressure_watch - the two environment variables by which a service manager tells a service how to hear of memory
 * pressure (systemd's MEMORY_PRESSURE.md):
 *
 *   MEMORY_PRESSURE_WATCH=/sys/fs/cgroup/system.slice/x.service/memory.pressure    a PSI file, FIFO or socket
 *   MEMORY_PRESSURE_WRITE=c29tZSAyMDAwMDAgMjAwMDAwMAA=                              base64 of what to write into it
 *
 * "/dev/null" as the path switches it off.  The variables are somebody else's text: nothing of it is trusted but
 * that the path was meant to be opened by us.
 */
#ifndef SWANSONG_TRIGGER_PRESSURE_WATCH_H
#define SWANSONG_TRIGGER_PRESSURE_WATCH_H

#include <limits.h>
#include <stddef.h>

#include "base/diag.h"
#include "trigger/event.h"

struct pressure_watch {
        char path[PATH_MAX]; /* "": switched off */
        char bytes[256];     /* to be written */
        size_t n_bytes;
};

/* The two values; `bytes` may be NULL.  0, or -EINVAL with d filled.  No I/O. */
int pressure_watch_parse(const char *path, const char *bytes, struct pressure_watch *ret, struct diag *d);

/* Open it, and write what is to be written.  0, or -errno with d filled. */
int pressure_watch_open(const struct pressure_watch *w, struct event_source *ret, struct diag *d);

#endif
