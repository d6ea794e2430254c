/* SPDX-License-Identifier: MIT */
/* last_word - how a process that is not our child ended.
 *
 * Nobody but the parent may wait for it; other ways are left, tried in this order:
 *   PIDFD_GET_INFO with PIDFD_INFO_EXIT   Linux 6.15, once the parent has reaped it
 *   /proc/PID/stat, field 52              while it is a zombie; the kernel shows 0 to whom it does not trust
 *   PIDFD_GET_INFO again                  it was reaped between the two
 *   exit_events                           for older kernels, where a parent that reaps at once wins that race
 */
#ifndef SWANSONG_CLI_WATCH_LAST_WORD_H
#define SWANSONG_CLI_WATCH_LAST_WORD_H

#include <stddef.h>

#include "base/buf.h"
#include "base/target.h"
#include "cli/watch/exit_events.h"

/* Does this kernel tell anybody's exit status by pidfd?  Finds out with a child that ends at once. */
bool last_word_by_pidfd(void);

/* 0 with *ret_status as wait(2) gives it, or -ENODATA.  The process must have ended. */
int last_word_status(const struct target *t, struct exit_events *events, int *ret_status);

/* Field 52 out of the text of /proc/PID/stat of a zombie.  0; -EINVAL; -EAGAIN when it is no zombie. */
int stat_exit_code_parse(const char *text, size_t len, int *ret_status);

/* "exited with status 0", "was killed by signal 9 (SIGKILL)", "has ended; how could not be seen". */
void last_word(const struct target *t, struct exit_events *events, struct buf *out);

#endif
