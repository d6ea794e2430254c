/* SPDX-License-Identifier: MIT */
/* at_kill - capture a process that is being killed, while the kernel holds it in its exit for us (injector/attend.h).
 *
 *   at_kill_make()   when it is armed: everything is reserved and touched
 *   at_kill_take()   the kill: others wait for the victim's memory.  Registers, stacks, then the collectors in their
 *                    order, into memory, until the budget is used up; no file is written
 *   at_kill_write()  afterwards: the bundle
 *
 * Near the limit memory is read by pread() of /proc/PID/mem only: threads.c sees to that (memory_tight.h).
 */
#ifndef SWANSONG_CAPTURE_AT_KILL_H
#define SWANSONG_CAPTURE_AT_KILL_H

#include <stdint.h>

#include "base/kmsg.h"
#include "capture/capture.h"
#include "injector/attend.h"

/* How long the victim's death may be delayed when the user says nothing. */
#define AT_KILL_BUDGET_NS (UINT64_C(500) * 1000 * 1000)

struct at_kill;

/* 0 or -errno with d filled.  The target must outlive it. */
int at_kill_make(const struct target *t, uint64_t budget_ns, struct at_kill **ret, struct diag *d);

/* To be called from attend_calls.dying, or with the threads of a living process that the caller holds.  Takes what it can;
 * only the first call counts. */
void at_kill_take(struct at_kill *k, const struct attend_dying *dying);

bool at_kill_taken(const struct at_kill *k);

/* The bundle, with the trigger as in the request (its target is the one of at_kill_make()).  kmsg: the kernel's report,
 * empty where there was no kill; NULL: its log could not be read.  0, or -errno with d filled when no bundle could be made. */
int at_kill_write(struct at_kill *k, const struct capture_request *request, const struct buf *kmsg,
                  struct capture_outcome *ret, struct diag *d);

void at_kill_free(struct at_kill *k);

#endif
