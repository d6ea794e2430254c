/* SPDX-License-Identifier: MIT */
/* recorder - the agent's recorder of a target, found among its mappings. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_RECORDER_H
#define SWANSONG_CAPTURE_COLLECTORS_RECORDER_H

#include <stddef.h>

#include "base/target.h"

/* Open it for reading.  ns_pid: the target's PID in its own namespace (a child that has just been forked maps its parent's), or
 * 0: not known.  `buffer`: memory to work in, at least some pages.  fd, or -errno: -ENOENT (the target has none), -EPERM (not
 * the file that is mapped, or another user's: not trusted). */
int recorder_open_mapped(const struct target *t, pid_t ns_pid, char *buffer, size_t size);

#endif
