/* SPDX-License-Identifier: MIT */
/* report_child - start swansong-report, the analysis half, as an expendable child.
 *
 * It lies beside swansong, or in ../libexec/swansong when installed.  The child raises its own oom_score_adj
 * to 1000 before it executes: the analysis may die, the evidence is already written.
 */
#ifndef SWANSONG_CLI_REPORT_CHILD_H
#define SWANSONG_CLI_REPORT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"

/* Start it with argv (argv[0] is only a name); `quiet` sends its stdout to /dev/null.  The PID, or -errno
 * with d filled. */
pid_t report_child_start(const char *const argv[], bool quiet, struct diag *d);

/* Wait for it.  Its exit status (0..255), or -errno with d filled; -ECANCELED when a signal ended it. */
int report_child_wait(pid_t child, struct diag *d);

/* Both. */
int report_child_run(const char *const argv[], struct diag *d);

/* Become swansong-report with these arguments.  Returns only on failure: -errno with d filled. */
int report_child_exec(const char *const argv[], struct diag *d);

#endif
