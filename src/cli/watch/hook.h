/* SPDX-License-Identifier: MIT */
/* hook - run the user's command (--exec) for a finished bundle.
 *
 * The command gets what it would have had without us: our original oom_score_adj, signal mask and file limit.
 * Its stdout is our stderr (ours carries the bundles' names only), its stdin is empty.  Nobody waits for it but the
 * watcher's end, for HOOK_PATIENCE_NS: a service manager ends with us what we have started.
 */
#ifndef SWANSONG_CLI_WATCH_HOOK_H
#define SWANSONG_CLI_WATCH_HOOK_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/diag.h"

#define HOOK_PATIENCE_NS (10 * NS_PER_S)

/* /bin/sh -c COMMAND sh PATH, with SWANSONG_BUNDLE=PATH.  The child's PID, or -errno with d filled. */
pid_t hook_start(const char *command, const char *bundle_path, struct diag *d);

#endif
