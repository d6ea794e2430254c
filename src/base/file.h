/* SPDX-License-Identifier: MIT */
/* file - whole reads and writes, and whole directories. */
#ifndef SWANSONG_BASE_FILE_H
#define SWANSONG_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* Read the open file to its end, at most the buffer's bound.  Appends.  0 (then b->cut tells whether the
 * bound was hit), or -errno; what was read before an error stays in the buffer. */
int file_read_fd(int fd, struct buf *b);

/* The same for a path below dirfd (AT_FDCWD allowed). */
int file_read_at(int dirfd, const char *path, struct buf *b);

/* Write everything; 0 or -errno. */
int file_write_all(int fd, const void *data, size_t n);

/* opendir() of `name` below the directory `parent` ("." for itself), never through a link at its end.  0 or -errno. */
int dir_open_at(int parent, const char *name, DIR **ret);

/* What the directory tree `name` below the directory `parent` takes of the disk, never following a symlink.  0 or
 * -errno. */
int dir_tree_bytes(int parent, const char *name, uint64_t *ret);

/* Remove the directory tree `name` below the directory `parent`, never following a symlink.  0 or -errno of the first failure.
 */
int dir_remove_tree(int parent, const char *name);

#endif
