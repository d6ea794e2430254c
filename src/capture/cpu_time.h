/* SPDX-License-Identifier: MIT */
/* cpu_time - how long a thread had a CPU, and how long it was ready to run and had none: /proc/PID/schedstat.
 *
 *   184233671 2903341 412      ns on a CPU, ns that it waited for one, how often it got one
 *
 * Of a process that is its first thread.  A wait that goes on still is not counted yet.  Never fails: a kernel without
 * CONFIG_SCHED_INFO has no such file, or says 0; then nothing was used and nothing waited for.
 */
#ifndef SWANSONG_CAPTURE_CPU_TIME_H
#define SWANSONG_CAPTURE_CPU_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpu_time {
        uint64_t used_ns, waited_ns;
};

/* 0 or -EINVAL. */
int cpu_time_parse(const char *text, struct cpu_time *ret);

/* The file, to be read again and again, whatever becomes of our mount namespace; or -errno. */
int cpu_time_open(pid_t pid);

struct cpu_time cpu_time_read(int fd);

/* Is it ready to run, or running?  No: it sleeps, is stopped, has ended, or cannot be looked at. */
bool cpu_time_is_wanted(pid_t pid);

#endif
