/* SPDX-License-Identifier: MIT */
/* kill_count - how many processes of a memory group the kernel has killed for memory: for where its log cannot be read, or names
 * the PIDs of another namespace.
 *
 * memory.oom_control of v1 (since Linux 4.13), memory.events of v2:
 *   oom_kill_disable 0      low 0
 *   under_oom 0             ...
 *   oom_kill 3              oom_kill 3
 * The kernel counts before it kills (mm/oom_kill.c, __oom_kill_process()), also when the whole machine is out of memory.
 */
#ifndef SWANSONG_CLI_ARMED_KILL_COUNT_H
#define SWANSONG_CLI_ARMED_KILL_COUNT_H

#include <stdint.h>

#include "base/target.h"

struct kill_count {
        int fd;              /* -1: there is none, or it cannot be read */
        uint64_t older, old; /* at the last look but one, and at the last */
};

#define KILL_COUNT_NONE ((struct kill_count){.fd = -1})

/* The number in the file's text (NUL-terminated).  0 or -ENODATA. */
int kill_count_parse(const char *text, uint64_t *ret);

/* Of the group that the process is in now. */
void kill_count_open(const struct target *t, struct kill_count *ret);
void kill_count_close(struct kill_count *c);

/* To be called now and then: who dies later was not meant by what is counted now. */
void kill_count_look(struct kill_count *c);

/* How many there were since the last look but one: a kill may have been counted before the last, and be seen after it.  0 or
 * -errno. */
int kill_count_since(const struct kill_count *c, uint64_t *ret);

#endif
