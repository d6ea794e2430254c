/* SPDX-License-Identifier: MIT */
/* exe_match - does a process run this executable?
 *
 * The same file (device and inode), or the same path: a package that was upgraded under a running process
 * leaves it with "/usr/sbin/x (deleted)", which is still x to whoever asked for it.
 */
#ifndef SWANSONG_CLI_WATCH_EXE_MATCH_H
#define SWANSONG_CLI_WATCH_EXE_MATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct exe_match {
        const char *given;   /* as the user wrote it */
        char real[PATH_MAX]; /* without symbolic links; like `given` if the file is not there */
        bool exists;
        dev_t dev;
        ino_t ino;
};

/* Look at the file anew: it may have been replaced. */
void exe_match_refresh(struct exe_match *e, const char *path);

/* The process whose exe link is `link` below dirfd ("exe", "4711/exe").  1, 0, or -errno when it cannot be
 * seen; a process without an executable (kernel thread, zombie) is 0. */
int exe_match_link(const struct exe_match *e, int dirfd, const char *link);

/* The PID that was given out last in our PID namespace: while it stays, no process has started.  0: unknown.
 */
uint64_t last_pid_read(void);

#endif
