/* SPDX-License-Identifier: MIT */
/* tree - the target among its relatives: itself, its ancestors up to PID 1, then its descendants.
 *
 * From proc/N/{comm,stat,status,smaps_rollup,oom_score,oom_score_adj} of the bundle.  Traps: parents die while they
 * are listed, so chains may end early; a forged bundle may hold circles.
 */
#ifndef SWANSONG_ANALYSIS_TREE_H
#define SWANSONG_ANALYSIS_TREE_H

#include "analysis/source.h"

/* More processes than any machine's default pid_max of old (32768) are cut. */
#define TREE_MAX 32768

/* Read all processes of the bundle.  0 or -errno (no proc directory, -ENOMEM). */
int tree_read(struct source *s, struct report_process_row **ret, size_t *ret_n);

/* Order rows, which are sorted by PID, as the report wants them, and set their relation: `self`, its ancestors from
 * the parent up, its descendants (each process before its children, siblings by PID), and last those whose way to
 * `self` is lost.  0 or -ENOMEM. */
int tree_order(struct report_process_row *rows, size_t n, int32_t self);

#endif
