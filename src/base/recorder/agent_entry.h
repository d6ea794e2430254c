/* SPDX-License-Identifier: MIT */
/* agent_entry - what `swansong inject` calls in the agent after it has loaded it with dlopen().
 *
 * They are called on a thread of the program that was doing something else (blocked in a system call, as a rule), with
 * signals blocked and perhaps 64 KiB of stack left, and that thread waits until they return: within a few hundred
 * microseconds, without waiting for other threads.  Never within the allocator, the loader, stdio or fork. */
#ifndef SWANSONG_BASE_RECORDER_AGENT_ENTRY_H
#define SWANSONG_BASE_RECORDER_AGENT_ENTRY_H

/* int swansong_inject(const char *options): begin to record.  options: as in SWANSONG_OPTIONS, "" for none.
 * 0; -EALREADY: it records already (preloaded, or injected before); any other -errno: nothing has changed.  After a
 * detach it may be called again. */
#define AGENT_INJECT "swansong_inject"

/* int swansong_detach(void): the hooks off, every table entry as it was; blocks seen before stay accounted for.
 * 0; -EALREADY: detached already; -ENOTSUP: preloaded, there is nothing to take off. */
#define AGENT_DETACH "swansong_detach"

/* Each of the two returns -EINPROGRESS instead of 0 where there is no thread of the agent's for the work, and it takes longer than the
 * program's thread should be away: it is begun, and goes on with each
 *   int swansong_continue(void)      0: it is done; -EINPROGRESS, -EBUSY: not yet
 * (and, should nobody call that, at the program's own allocations). */
#define AGENT_CONTINUE "swansong_continue"

#endif
