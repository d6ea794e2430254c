/* SPDX-License-Identifier: MIT */
/* call_target - what has to be known of a process before one of its threads is made to call a function; or why none will be.
 *
 * Refused, each with its reason: what cannot work (no glibc, static, 32-bit, another machine's program) and what would
 * kill or confuse it (a seccomp filter, which may kill for any system call; a user shadow stack, which our way back is not on;
 * another tracer; stopped by a signal).  Nothing is stopped, called or changed for that.
 */
#ifndef SWANSONG_INJECTOR_CALL_CALL_TARGET_H
#define SWANSONG_INJECTOR_CALL_CALL_TARGET_H

#include "base/diag.h"
#include "base/target.h"
#include "injector/call/thread_choice.h"

struct call_target {
        const struct target *target;
        struct buf maps;
        struct remote_memory memory;
        struct code_map code;
        struct call_way way;
        uint64_t errno_location; /* __errno_location() */
};

/* May a thread of it be made to call anything?  Works on the text of /proc/PID/status alone.  0; -EBUSY: traced, stopped;
 * -ENOTSUP: seccomp, shadow stack.  d is filled. */
int call_status_check(const char *status, pid_t pid, struct diag *d);

/* 0, or -errno with d filled: -ENOTSUP, -EBUSY as above; -EACCES, -EPERM: not permitted; -ESRCH. */
int call_target_make(const struct target *target, struct call_target *ret, struct diag *d);
void call_target_done(struct call_target *c);

/* thread_use() on it: calls(t, arg) with a thread whose errno will be put back.  duration_ns: to look for a thread. */
int call_target_use(const struct call_target *c, uint64_t wait_ns,
                    int (*calls)(struct remote_thread *t, void *arg), void *arg, uint64_t *ret_pause_ns,
                    struct diag *d);

#define _cleanup_call_target_ _cleanup_(call_target_done)

#endif
