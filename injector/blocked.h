/* SPDX-License-Identifier: MIT */
/* blocked - where a thread waits in the kernel, without stopping it: /proc/PID/task/TID/syscall.
 *
 * For threads that no tracer can stop: uninterruptible sleep, the OOM wait, those that somebody else traces.
 * Only SP, PC and the call are known; callee-saved registers are not.  The file's three forms:
 *   202 0x7f.. 0x80 0x0 0x0 0x0 0x0 0x7ffc2d1b0a58 0x7f3a6c8e51a9   in a call: number, 6 arguments, SP, PC
 *   -1 0x7f2d1b0a58 0x5581a0                                    blocked, but in no call (page fault)
 *   running
 * Since Linux 2.6.27; needs the right to ptrace the thread, but no tracing.
 */
#ifndef SWANSONG_INJECTOR_BLOCKED_H
#define SWANSONG_INJECTOR_BLOCKED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct blocked {
        int64_t syscall; /* -1: none */
        uint64_t sp, pc;
        uint64_t args[6]; /* of the call */
};

/* 0; -EAGAIN: it runs; -ESRCH: it has ended (no user registers any more); -EINVAL. */
int blocked_parse(const char *text, size_t len, struct blocked *ret);

/* task_fd: /proc/PID/task.  Also -EACCES, -EPERM, -ESRCH. */
int blocked_read(int task_fd, pid_t tid, struct blocked *ret);

#endif
