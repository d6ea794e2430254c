/* SPDX-License-Identifier: MIT */
/* oom_event - be told when a thread sleeps at the limit of a v1 memory group whose kill is disabled.
 *
 * An eventfd is registered for memory.oom_control by a line "EVENTFD CONTROLFD" to cgroup.event_control
 * (Documentation/admin-guide/cgroup-v1/memory.rst, 10).  It is ready at once when somebody sleeps there already.
 *
 * Trap: only page faults sleep and tell.  System calls that find no memory fail, and tell nobody: so the group's reclaim is
 * listened to as well (memory.pressure_level, "critical": less than 5 % of what was looked at could be freed).  That may
 * come for a group full of busy page cache, too: whoever hears it looks at what is used.
 */
#ifndef SWANSONG_BRAKE_OOM_EVENT_H
#define SWANSONG_BRAKE_OOM_EVENT_H

#include "base/diag.h"

struct oom_event {
        int oom_fd, pressure_fd; /* eventfds, O_NONBLOCK: ready when it has happened; pressure_fd may be -1 */
};

#define OOM_EVENT_NONE ((struct oom_event){-1, -1})

/* `dir`: the group's directory.  0 or -errno with d filled. */
int oom_event_open(const char *dir, struct oom_event *ret, struct diag *d);
void oom_event_close(struct oom_event *e);

#endif
