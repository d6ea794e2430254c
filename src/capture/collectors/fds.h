/* SPDX-License-Identifier: MIT */
/* fds - the target's open files, as /proc/PID/fd names them.
 *
 * A link's text says most of it:
 *   socket:[1589]   pipe:[77]   anon_inode:[eventpoll]   anon_inode:inotify   /memfd:name (deleted)
 *   /var/log/a b.log (deleted)   /dev/pts/0
 * For paths, statx() through the link tells type, size and device without opening anything, and
 * AT_STATX_DONT_SYNC asks no file server.  Traps: a file may really be called "x (deleted)"; a path may hold
 * newlines. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_FDS_H
#define SWANSONG_CAPTURE_COLLECTORS_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "capture/collectors/inode_set.h"

/* What kind of descriptor (docs/bundle.md), by its link's text; NULL: a path, statx() must say. */
const char *fd_kind_by_link(const char *link, size_t len);

/* The kind of a path. */
const char *fd_kind_by_stat(const char *link, size_t len, const struct statx *st);

/* "socket:[1589]" to 1589, "pipe:[77]" to 77; 0: no such number. */
uint64_t fd_link_inode(const char *link, size_t len);

/* Only the socket inodes.  0 or -errno. */
int fds_sockets_read(int proc_fd, struct inode_set *sockets);

#endif
