/* SPDX-License-Identifier: MIT */
/* exit_events - how watched processes ended, from the kernel's process events connector.
 *
 * For kernels before 6.15, where nobody but the parent is told: there a parent that reaps at once leaves nothing
 * to read.  The events need CAP_NET_ADMIN (not since 6.6) and the initial PID namespace.  They come for every
 * process of the machine; a socket filter lets pass only the end of those that we watch, so nobody wakes up and
 * nothing has to be read until one of them has ended.
 */
#ifndef SWANSONG_CLI_WATCH_EXIT_EVENTS_H
#define SWANSONG_CLI_WATCH_EXIT_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Two instructions of the filter (at most 4,096) go into each process. */
#define EXIT_EVENTS_MAX 1024

/* Events that were read while another process's was looked for. */
#define EXIT_EVENTS_KEPT 64

struct exit_events {
        int fd;
        unsigned next;
        struct exit_event {
                pid_t pid;
                int status; /* as wait(2) gives it */
                uint64_t time_ns;
        } kept[EXIT_EVENTS_KEPT];
};

#define EXIT_EVENTS_NONE ((struct exit_events){.fd = -1})

/* Subscribe.  0, or -errno: -EPERM, -ESRCH (not in the initial PID namespace). */
int exit_events_open(struct exit_events *ret);
void exit_events_close(struct exit_events *e);

/* From now on, the end of these processes.  0 or -errno. */
int exit_events_watch(const struct exit_events *e, const pid_t *pids, size_t n);

/* Has the end of this process been told, less than a second ago?  (Its first thread may have ended much
 * earlier than the process: that says nothing.)  0 with *ret_status, or -ENODATA. */
int exit_events_find(struct exit_events *e, pid_t pid, int *ret_status);

#endif
