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
                        if (n < 0 && errno == EINTR)
                                continue;
                        b->cut = b->cut || n > 0;
                        return n < 0 ? -errno : 0;
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
