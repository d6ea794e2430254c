/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define READ_STEP 65536

int file_read_fd(int fd, struct buf *b)
{
        for (;;) {
                size_t step = READ_STEP;
                ssize_t n;
                int r;

                if (b->len >= b->max) {
                        char probe;

                        n = read(fd, &probe, 1);
                        if (n > 0)
                                b->cut = true;
                        return n < 0 && errno != EINTR ? -errno : 0;
                }
                if (step > b->max - b->len)
                        step = b->max - b->len;
                r = buf_reserve(b, step);
                if (r < 0)
                        return r;
                n = read(fd, b->data + b->len, step);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                b->len += (size_t)n;
                b->data[b->len] = '\0';
                if (n == 0)
                        return 0;
        }
}

int file_read_at(int dirfd, const char *path, struct buf *b)
{
        _cleanup_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return file_read_fd(fd, b);
}

int file_write_all(int fd, const void *data, size_t n)
{
        const char *p = data;

        while (n > 0) {
                ssize_t written = write(fd, p, n);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -errno;
                if (written == 0)
                        return -EIO;
                p += written;
                n -= (size_t)written;
        }
        return 0;
}

/* One component: a directory, or a link whose owner we trust.  The link is judged and followed through the
 * same O_PATH fd's parent, so between the two nobody but the trusted owner can replace it (its directory may
 * be sticky, like /tmp). */
static int open_component(int parent, const char *name, const char *path, struct diag *d)
{
        struct stat st;
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0)
                return fd;
        if (errno == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
                if (st.st_uid != 0 && st.st_uid != geteuid())
                        return diag_set(d, -ELOOP,
                                        "%s: '%s' is a symbolic link that belongs to uid %u, not followed; "
                                        "name the directory itself",
                                        path, name, st.st_uid);
                fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }
        return diag_set(d, -errno, "%s: %s", path, strerror(errno));
}

int dir_open_trusted(const char *path, struct diag *d)
{
        _cleanup_fd_ int dir = -1;
        char rest[PATH_MAX];
        char *save = NULL;

        if (*path == '\0')
                return diag_set(d, -ENOENT, "the directory's name is empty");
        if (strlen(path) >= sizeof(rest))
                return diag_set(d, -ENAMETOOLONG, "%.60s…: %s", path, strerror(ENAMETOOLONG));
        strcpy(rest, path);
        dir = open(*path == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return diag_set(d, -errno, "%s: %s", path, strerror(errno));
        for (char *name = strtok_r(rest, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
                int next = open_component(dir, name, path, d);

                if (next < 0)
                        return next;
                close(dir);
                dir = next;
        }
        if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
                return diag_set(d, -errno, "%s: cannot write there: %s", path, strerror(errno));
        return take_fd(&dir);
}

int dir_open_at(int parent, const char *name, DIR **ret)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *dir;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        *ret = dir;
        return 0;
}

int dir_remove_tree(int parent, const char *name)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int first = 0, fd, r = dir_open_at(parent, name, &dir);

        if (r < 0)
                return r;
        fd = dirfd(dir);
        while ((entry = readdir(dir))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = 0;
                if (unlinkat(fd, entry->d_name, 0) < 0) {
                        if (errno == EISDIR || errno == EPERM)
                                r = dir_remove_tree(fd, entry->d_name);
                        else
                                r = -errno;
                }
                if (r < 0 && first == 0)
                        first = r;
        }
        if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && first == 0)
                first = -errno;
        return first;
}

int dir_tree_bytes(int parent, const char *name, uint64_t *ret)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        uint64_t bytes = 0;
        int r = dir_open_at(parent, name, &dir);

        if (r < 0)
                return r;
        while ((entry = readdir(dir))) {
                uint64_t below = 0;
                struct stat st;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue; /* it has gone meanwhile */
                bytes += (uint64_t)st.st_blocks * 512;
                if (S_ISDIR(st.st_mode) && dir_tree_bytes(dirfd(dir), entry->d_name, &below) == 0)
                        bytes += below;
        }
        *ret = bytes;
        return 0;
}
