/* SPDX-License-Identifier: MIT */
/* binaries - hold the target's mapped files open, for the analysis that comes after.
 *
 * The files may be deleted, replaced, or exist only in the target's mount namespace, and all of that is gone
 * with the process. /proc/PID/map_files opens the mapped inode itself (needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE); without it /proc/PID/root/PATH does for most.  The table is what `swansong-report
 * --binaries FD` reads, one line per file: FD MAJOR:MINOR INODE\n      (hex device and decimal inode as in
 * /proc/PID/maps; FD decimal, inherited, open for reading)
 */
#ifndef SWANSONG_CAPTURE_COLLECTORS_BINARIES_H
#define SWANSONG_CAPTURE_COLLECTORS_BINARIES_H

#include "base/buf.h"
#include "base/target.h"

/* Enough for any honest process; more are left out. */
#define BINARIES_MAX 1024

/* Opens every file that is mapped executable (each inode once, at most `max`), writes the table to a memfd
 * and returns it; the fds stay open without CLOEXEC until binaries_close().  -errno on failure.  `maps` is
 * the text of /proc/PID/maps. */
int binaries_open(const struct target *t, const struct buf *maps, unsigned max);
void binaries_close(int table_fd);

#endif
