/* SPDX-License-Identifier: MIT */
#include "render/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/trusted_dir.h"

int output_stdout(const struct buf *b, struct diag *d)
{
        int r = file_write_all(STDOUT_FILENO, b->data, b->len);

        return r < 0 ? diag_set(d, r, "standard output: %s", strerror(-r)) : 0;
}

/* Under a name of its own first: a reader sees the old report or the new one. */
static int replace_at(int dir, const char *name, mode_t mode, const struct buf *b)
{
        char temporary[NAME_MAX + 1];
        int fd, r;

        if (snprintf(temporary, sizeof(temporary), ".%s.%d", name, getpid()) >= (int)sizeof(temporary))
                return -ENAMETOOLONG;
        fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, b->data, b->len);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && renameat(dir, temporary, dir, name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dir, temporary, 0);
        return r;
}

int output_file(const char *path, const struct buf *b, struct diag *d)
{
        _cleanup_fd_ int dir = -1;
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char parent[PATH_MAX];
        struct stat st;
        int r;

        if ((size_t)(name - path) >= sizeof(parent) || *name == '\0')
                return diag_set(d, -EINVAL, "%.80s: not the name of a file", path);
        snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
        dir = dir_open_trusted(parent, d);
        if (dir < 0)
                return dir;
        /* A device or a pipe is written to, not replaced. */
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) &&
            !S_ISLNK(st.st_mode)) {
                _cleanup_fd_ int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

                r = fd < 0 ? -errno : file_write_all(fd, b->data, b->len);
        } else {
                r = replace_at(dir, name, 0666, b);
        }
        return r < 0 ? diag_set(d, r, "%s: %s", path, strerror(-r)) : 0;
}

int output_into_bundle(const char *bundle, const char *name, const struct buf *b, struct diag *d)
{
        _cleanup_fd_ int dir = dir_open_trusted(bundle, d);
        int r;

        if (dir < 0)
                return dir;
        r = b->cut ? -ENOMEM : replace_at(dir, name, 0600, b);
        return r < 0 ? diag_set(d, r, "%s/%s: %s", bundle, name, strerror(-r)) : 0;
}
