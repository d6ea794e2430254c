/* SPDX-License-Identifier: MIT */
/* at_kill - capture a process that is being killed, while the kernel holds it in its exit for us (injector/attend.h).
 *
 *   at_kill_make()    beforehand: everything is reserved and touched
 *   at_kill_begin()   the kill, in the tracer: what only the tracer can read, the registers
 *   at_kill_step()    in any thread, so that the tracer can answer other processes: the stacks, then one collector after the
 *                     other, into memory, until the budget is used up; no file is written.  Of several captures that whose
 *                     next step is the lowest goes first: so the most perishable of all is taken before anything else of one
 *   at_kill_let_go()  its threads go on to die
 *   at_kill_write()   afterwards, in a forked child, which has the memory as it was: what the kill did not take along and
 *                     was put off, and the bundle
 *
 * Near the limit memory is read by pread() of /proc/PID/mem only: threads.c sees to that (memory_tight.h).
 */
#ifndef SWANSONG_CAPTURE_AT_KILL_H
#define SWANSONG_CAPTURE_AT_KILL_H

#include <stdint.h>

#include "base/oom/kmsg.h"
#include "capture/capture.h"
#include "capture/manifest.h"
#include "injector/attend.h"

/* How long the victim's death may be delayed when the user says nothing. */
#define AT_KILL_BUDGET_NS (UINT64_C(500) * 1000 * 1000)

struct at_kill;

/* Room for one capture of at most max_threads threads.  0 or -ENOMEM. */
int at_kill_make(size_t max_threads, struct at_kill **ret);

/* To be called from attend_calls.dying.  The target and what was learnt of it (identity_read()) must outlive it. */
void at_kill_begin(struct at_kill *k, const struct target *t, const struct identity *id,
                   const struct attend_dying *dying, uint64_t budget_ns, enum census_how census);

/* How many steps have been taken; AT_KILL_DONE: all. */
#define AT_KILL_DONE SIZE_MAX
size_t at_kill_step(struct at_kill *k);

/* All steps that are left. */
void at_kill_take(struct at_kill *k);

/* A step has led the calling thread into the target's network namespace: the caller may want to go home. */
bool at_kill_moved(struct at_kill *k);

void at_kill_let_go(struct at_kill *k);

/* The bundle, with the trigger as in the request.  kmsg: the kernel's report,
 * empty where there was no kill; NULL: its log could not be read.  0, or -errno with d filled when no bundle could be made. */
int at_kill_write(struct at_kill *k, const struct capture_request *request, const struct buf *kmsg,
                  struct capture_outcome *ret, struct diag *d);

void at_kill_free(struct at_kill *k); /* NULL is fine */

#endif
