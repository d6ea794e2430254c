/* SPDX-License-Identifier: MIT */
/* kill_log - what the kernel's log says about the kill of one process, as a bundle's `kmsg` keeps it. */
#ifndef SWANSONG_CLI_KILL_LOG_H
#define SWANSONG_CLI_KILL_LOG_H

#include <sys/types.h>

#include "base/oom/kmsg.h"
#include "base/oom/oom_kill.h"

/* A report with its table of 10,000 tasks is 1 MiB; most rings of the kernel's log are smaller. */
#define KILL_LOG_TEXT_MAX ((size_t)2 << 20)

/* The kernel's line comes before the kill or at most some ms later; then it is not the kernel's. */
#define KILL_LOG_WAIT_NS (UINT64_C(300) * 1000 * 1000)

/* Keep this record in the text that is to become `kmsg`, if it is the kernel's own; with the record that opens a report the
 * text begins anew. */
void kill_log_keep(struct buf *text, const struct kmsg_record *record);

/* Read the log from where `k` stands up to the kill of `pid` (of the initial PID namespace) that came at since_ns
 * (CLOCK_MONOTONIC) or later, for at most wait_ns behind what is there.  Into text go the records
 * from the last report before it on (not from the last kill: where a whole group is killed, one report stands before
 * them all).  The caller frees the kill.  NULL: it was not killed for memory. */
struct oom_kill *kill_log_find(struct kmsg *k, pid_t pid, uint64_t since_ns, uint64_t wait_ns,
                               struct buf *text);

#endif
