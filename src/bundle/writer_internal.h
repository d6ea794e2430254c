/* SPDX-License-Identifier: MIT */
/* writer_internal - what the files writer*.c share: the open bundle. */
#ifndef SWANSONG_BUNDLE_WRITER_INTERNAL_H
#define SWANSONG_BUNDLE_WRITER_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "bundle/writer.h"
#include "bundle/writer_spool.h"
#include "bundle/writer_ledger.h"
#include "bundle/writer_name.h"

struct bundle_writer {
        struct spool *spool; /* while there is one, sections go there and not into files */
        int parent_fd;       /* where the bundle lies */
        int fd;        /* the bundle */
        char *parent_name;
        struct bundle_name name;
        char *path;
        bool partial; /* still has its .partial name */

        struct ledger *ledger; /* shared with the collecting process */

        int section_fd;                /* -1: no section, or its file is not there yet */
        int section_error;             /* positive errno: the file takes no more */
        struct section_family *family; /* what the open section counts for, or NULL */

        int dir_fd; /* the directory of the last section: the next one is mostly there too */
        char dir_path[PATH_MAX];
        size_t dir_len;
};

/* A new file that only we can read; never an existing one, never through a link.  fd or -errno. */
static inline int bundle_file_make(int dirfd, const char *name)
{
        int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        return fd < 0 ? -errno : fd;
}

/* A new file at `path`, which may have directories.  fd or -errno. */
int section_file_make(struct bundle_writer *w, const char *path);

#endif
