/* SPDX-License-Identifier: MIT */
/* memory_tight - is the target so near a limit that looking at it could kill it?
 *
 * Then its memory is read in the careful way only (injector/remote_memory.h).
 */
#ifndef SWANSONG_CAPTURE_MEMORY_TIGHT_H
#define SWANSONG_CAPTURE_MEMORY_TIGHT_H

#include <stdbool.h>

#include "base/target.h"

/* The usage of its memory cgroup, or of one above it, is at 95 % of the limit or more; or less than 5 % of
 * the machine's memory is available; or that cannot be told. */
bool memory_is_tight(const struct target *t);

#endif
