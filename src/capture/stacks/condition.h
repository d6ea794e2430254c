/* SPDX-License-Identifier: MIT */
/* condition - why a process cannot be stopped like any other: docs/bundle.md, target.condition.
 *
 * Read from /proc/PID/stat and status; changes nothing.
 */
#ifndef SWANSONG_CAPTURE_STACKS_CONDITION_H
#define SWANSONG_CAPTURE_STACKS_CONDITION_H

#include <stddef.h>

#include "base/target.h"

struct condition {
        const char
                *name; /* "stopped", "traced", "zombie", "exiting", "leader-exited"; NULL: like any other */
        pid_t tracer;  /* "traced": by whom; else 0 */
        char sentence[160];
};

/* tracer: TracerPid of status, 0 for none. */
struct condition condition_judge(const struct stat_brief *stat, pid_t tracer, const char *tracer_comm);

/* The same, read. What cannot be read is no condition. */
struct condition condition_read(const struct target *t);

/* The same for one that we hold: that it is traced, by us, is no condition. */
struct condition condition_read_held(const struct target *t);

/* Who traces it: TracerPid of status.  0: nobody, or it could not be read. */
pid_t condition_tracer(const struct target *t);

#endif
