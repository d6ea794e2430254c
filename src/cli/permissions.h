/* SPDX-License-Identifier: MIT */
/* permissions - what a watcher would need and may not do here, tried without touching the target.
 *
 * One row for each; what is lost without it stands beside. */
#ifndef SWANSONG_CLI_PERMISSIONS_H
#define SWANSONG_CLI_PERMISSIONS_H

#include <stddef.h>

#include "base/diag.h"
#include "base/target.h"

struct permission {
        const char *what; /* "attach to it" */
        const char *loss; /* "it is not armed, ..." */
        /* 0, or -errno with d filled: which file or call refused. */
        int (*check)(const struct target *t, struct diag *d);
};

enum { PERMISSION_ATTACH, PERMISSION_KERNEL_LOG, PERMISSION_LOCK, PERMISSION_PRIORITY };
extern const struct permission permissions[];
extern const size_t n_permissions;

#endif
