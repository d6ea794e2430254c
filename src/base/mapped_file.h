/* SPDX-License-Identifier: MIT */
/* mapped_file - open the file behind a line of another process's maps: that file, or none.
 *
 *   7f3a5c000000-7f3a5c456000 r-xp 00000000 00:1b 4711   /usr/lib/libc.so.6
 *
 * Through /proc/PID/map_files where that is permitted (root, or CAP_CHECKPOINT_RESTORE): it is the mapped file itself, even one
 * that was removed or replaced.  Else by its path in the process's own root, if it still has the mapping's inode.  The process
 * may mean us ill: no link leads out of its root, and what is no regular file is not opened: a FIFO would block, a device
 * might do something.
 * Traps: overlayfs and btrfs show another device in maps than stat(2) does; overlayfs before Linux 6.8 another inode, too. */
#ifndef SWANSONG_BASE_MAPPED_FILE_H
#define SWANSONG_BASE_MAPPED_FILE_H

#include "base/maps_line.h"

/* proc_fd: /proc/PID.  A descriptor for reading (O_CLOEXEC), or -errno: -ENOENT it cannot be reached, -ESTALE another file has its
 * name or it is no regular one, -EACCES... */
int mapped_file_open(int proc_fd, const struct maps_line *m);

/* The file that path_fd (O_PATH) names, for reading (O_CLOEXEC), if it is a regular one: otherwise -ESTALE, and it was not touched.
 * -errno. */
int regular_file_reopen(int path_fd);

#endif
