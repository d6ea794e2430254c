/* SPDX-License-Identifier: MIT */
/* bundle reader - opens the files of a bundle, trusting nothing in it.
 *
 * A bundle may have been copied from another machine, cut by a full disk, or made by somebody who wishes us
 * ill. Every path is walked one component at a time and no symbolic link is followed (it could point at any
 * file of ours, whose text would then appear in a report); only regular files are opened (a fifo would hang
 * us, opening a device may do things); and a file is read, never mapped (it may shrink under a mapping:
 * SIGBUS).  Works the same for a `.partial` bundle and for one without its manifest.
 *
 *   _cleanup_fd_ int bundle = bundle_open(path, d);
 *   _cleanup_buf_ struct buf maps = BUF_GROWING(SECTION_MAX);
 *   r = section_read(bundle, "proc/4711/maps", &maps);
 */
#ifndef SWANSONG_BUNDLE_READER_H
#define SWANSONG_BUNDLE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

/* More than any honest section of text has: 60,000 mappings are 45 MB of smaps, 100,000 sockets 20 MB of
 * tcp6. */
#define SECTION_MAX (256u << 20)

/* Open the bundle `path`.  A link to a bundle is followed here, and only here: the user named it.  fd of the
 * directory, or -errno with d filled: -ENOENT, -EACCES, -ENOTDIR; -EINVAL: a directory, but no bundle (no
 * manifest, no core, no proc). */
int bundle_open(const char *path, struct diag *d);

/* Open the regular file `path` ("proc/1/maps") below the directory dirfd (the bundle, or what
 * section_open_dir() returned); its size in bytes goes to *ret_size (may be NULL).  fd, or -errno: -ENOENT;
 * -ELOOP a symbolic link on the way; -EINVAL not a regular file, or a path with "..", "." or a leading '/'.
 */
int section_open(int dirfd, const char *path, uint64_t *ret_size);

/* The same for a directory: where many files of one directory are wanted ("proc/1/task"), open it once and
 * give its fd to the calls below.  fd or -errno. */
int section_open_dir(int dirfd, const char *path);

/* Append the file's bytes to b, at most the buffer's bound (then b->cut is set).  0 or -errno, as above; on
 * success b->data is never NULL. */
int section_read(int dirfd, const char *path, struct buf *b);

/* The entries of the directory dirfd whose names are numbers in 1..INT32_MAX (PIDs, TIDs), ascending, at most
 * `max` of them.  *ret is malloc'ed; the caller frees it.  0 or -errno. */
int section_list_ids(int dirfd, size_t max, int32_t **ret, size_t *ret_n);

/* The PID the bundle is about, from its layout alone: the only proc/N which has maps, smaps or task.  0 or
 * -ENOENT.  For a bundle whose manifest is lost. */
int bundle_find_pid(int bundle_fd, int32_t *ret);

#endif
