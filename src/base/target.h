/* SPDX-License-Identifier: MIT */
/* target - one process, held by things that cannot start to mean another one.
 *
 * A PID may be reused the moment its process is reaped.  The directory fd on /proc/PID and the pidfd belong
 * to this very process: reads through them fail with ESRCH afterwards.  The start time (stat field 22) is the
 * third witness, and the one that goes into the bundle.
 *
 * Never stops, signals or changes the process.
 */
#ifndef SWANSONG_BASE_TARGET_H
#define SWANSONG_BASE_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

/* The inode of /proc/PID/ns/pid in the machine's own PID namespace, whose PIDs the kernel's log names: PROC_PID_INIT_INO of
 * include/linux/proc_ns.h, since Linux 3.8. */
#define PID_NS_INIT_INO 0xEFFFFFFCU

struct target {
        pid_t pid;
        int pidfd;            /* -1 before Linux 5.3 */
        int proc_fd;          /* /proc/PID, O_RDONLY|O_DIRECTORY */
        uint64_t start_ticks; /* stat field 22: clock ticks since boot */
        pid_t ppid;
        uid_t uid;     /* effective, from status */
        char comm[64]; /* raw bytes, NUL-terminated */
        char state;    /* stat field 3: R S D T t Z X I */
        unsigned n_threads;
        bool kernel_thread; /* PF_KTHREAD in stat field 9 */
};

/* Bound for /proc/PID/status: of one who is in 65,536 groups (NGROUPS_MAX), its "Groups:" line has 700 KiB, and its memory's
 * lines come behind that. */
#define PROC_STATUS_MAX (1 << 20)

#define TARGET_NONE ((struct target){.pidfd = -1, .proc_fd = -1})

/* -ESRCH no such process, -EACCES, -EMFILE...; d is filled.  A zombie opens (state 'Z'), a kernel thread
 * opens too: the caller decides. A TID which is no thread-group leader is refused with -ESRCH and the PID it
 * belongs to named. */
int target_open(pid_t pid, struct target *ret, struct diag *d);
void target_close(struct target *t);

/* Is this still the same process, not yet reaped?  0, or -ESRCH. */
int target_check(const struct target *t);

/* When its first thread has ended and others live, /proc/PID shows neither memory nor files, but /proc/PID/task/TID of each other
 * one does: the target with such a directory for its proc_fd, which the caller closes.  0; -ENOENT: the first thread lives, or
 * none does.  What is behind that fd ends with that thread. */
int target_as_seen(const struct target *t, struct target *ret);

/* Where the kernel put its first stack: another place (ASLR) after each exec, which keeps PID and start time.
 * 0: not known, or its memory is gone. */
uint64_t target_start_stack(const struct target *t);

/* Fields of /proc/PID/stat, cut out behind the last ')': comm may hold anything.
 * 0 or -EINVAL.  Works on bytes. */
struct stat_brief {
        char comm[64];
        char state;
        pid_t ppid;
        uint64_t flags;       /* field 9, PF_* of include/linux/sched.h */
        unsigned n_threads;   /* field 20 */
        uint64_t start_ticks; /* field 22 */
        uint64_t rss_pages;   /* field 24 */
        uint64_t start_stack; /* field 28: 0 unless we may trace it, and it has memory */
};
int stat_brief_parse(const char *text, size_t len, struct stat_brief *ret);

#define _cleanup_target_ _cleanup_(target_close)

#endif
