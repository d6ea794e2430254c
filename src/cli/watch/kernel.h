/* SPDX-License-Identifier: MIT */
/* watch_kernel - follow the kernel's log while we watch: kills for memory that nobody attended are told, too.
 *
 *   a process that is watched, not attended     a bundle of the kernel's word: its report, the samples before, the machine
 *   that was asked to be attended too late      the same, once the attendant has had its say
 *   any other, where --group or --victim mean it (--comm by its name)   one line
 * Needs access to /dev/kmsg (CAP_SYSLOG where kernel.dmesg_restrict is 1), and the initial PID namespace, whose PIDs the log
 * names.
 */
#ifndef SWANSONG_CLI_WATCH_KERNEL_H
#define SWANSONG_CLI_WATCH_KERNEL_H

#include "base/oom/kmsg.h"
#include "base/oom/oom_report.h"

struct watcher;
struct watched;

struct watch_kernel {
        struct kmsg kmsg; /* fd -1: not followed */
        struct oom_log log;
        struct buf text;  /* from the last report on, as a bundle's kmsg */
        uint64_t text_ns; /* when its first record came, since boot */
};

/* What the kernel said of one process. */
struct kernel_word {
        struct oom_kill *kill;
        char *text; /* malloc'ed, of `len` bytes */
        size_t len;
};

/* Open the log and put it into the epoll set with this token.  0, or -errno with d filled. */
int watch_kernel_open(struct watcher *w, void *token, struct diag *d);
void watch_kernel_close(struct watcher *w);

/* The watched process that the kernel means by this PID, be it gone already; NULL: none, or its kill has been told. */
struct watched *watch_kernel_find(struct watcher *w, pid_t pid);

/* Read what has come. */
void watch_kernel_hear(struct watcher *w);

/* The process has ended by a SIGKILL, and nobody attended it: may the kernel's word of it still come? */
bool watch_kernel_may_come(const struct watcher *w, const struct watched *p);

/* It leaves the set: make the bundle if the kernel killed it and nobody captured that. */
void watch_kernel_last_call(struct watcher *w, struct watched *p);

void kernel_word_free(struct kernel_word *k); /* NULL is fine */

/* How long the kernel's line may come after a process's end. */
#define WATCH_KERNEL_WAIT_NS (UINT64_C(300) * 1000 * 1000)

#endif
