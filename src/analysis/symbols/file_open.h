/* SPDX-License-Identifier: MIT */
/* file_open - open a regular file by a path that somebody else wrote, below a root directory.
 *
 * Symbolic links are followed, but never out of the root (openat2's RESOLVE_IN_ROOT, since Linux 5.6; before
 * that a sysroot's absolute links lead out of it).  Nothing but a regular file is ever opened, and never
 * for writing: opening a device may do things, a fifo would block.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_FILE_OPEN_H
#define SWANSONG_ANALYSIS_SYMBOLS_FILE_OPEN_H

/* root: a directory's path, "" for the root directory itself; path begins with '/'.  fd or -errno (-EINVAL:
 * not a regular file). */
int file_open_regular(const char *root, const char *path);

#endif
