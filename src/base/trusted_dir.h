/* SPDX-License-Identifier: MIT */
/* trusted_dir - the directory that the user named, which nobody else can make another one.
 *
 *   /var/lib/swansong -> /data/swansong, a link of root's: followed.  /tmp/out -> /etc, a link of nobody's: not.
 */
#ifndef SWANSONG_BASE_TRUSTED_DIR_H
#define SWANSONG_BASE_TRUSTED_DIR_H

#include "base/diag.h"

/* Open the directory `path` for putting files into.  Every symbolic link on the way, and on the way that a link leads, must
 * belong to root or to us: somebody else's could lead our files anywhere.  fd (O_RDONLY|O_DIRECTORY|O_CLOEXEC), or -errno with d
 * filled: -ENOENT, -ENOTDIR, -EACCES, -EROFS, -ELOOP (someone else's symlink, or too many). */
int dir_open_trusted(const char *path, struct diag *d);

#endif
