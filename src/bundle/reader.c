/* SPDX-License-Identifier: MIT */
#include "bundle/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/number.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

/* Why a bundle is walked and not opened with openat2(RESOLVE_NO_SYMLINKS): this works on every kernel, and
 * there is one way to be right instead of two. */

/* openat() says ENOTDIR for a symbolic link when O_DIRECTORY is given too: name the link. */
static int dir_error(int parent, const char *name, int error)
{
        struct stat st;

        if (error == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
                return -ELOOP;
        return -error;
}

/* Walk to the directory of `path`'s last component, which goes to `last`.  *ret_dir is the directory's fd,
 * and *ret_opened the one to close (-1 if it is dirfd itself).  0 or -errno. */
static int walk(int dirfd, const char *path, char last[NAME_MAX + 1], int *ret_dir, int *ret_opened)
{
        _cleanup_fd_ int opened = -1;
        int dir = dirfd;

        for (;;) {
                size_t n = strcspn(path, "/");
                int next;

                if (n == 0 || n > NAME_MAX)
                        return n ? -ENAMETOOLONG : -EINVAL;
                memcpy(last, path, n);
                last[n] = '\0';
                if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
                        return -EINVAL;
                path += n;
                if (*path == '\0')
                        break;
                path++;
                next = openat(dir, last, DIR_FLAGS);
                if (next < 0)
                        return dir_error(dir, last, errno);
                fd_closep(&opened);
                opened = dir = next;
        }
        *ret_dir = dir;
        *ret_opened = take_fd(&opened);
        return 0;
}

int section_open(int dirfd, const char *path, uint64_t *ret_size)
{
        _cleanup_fd_ int opened = -1, fd = -1;
        char last[NAME_MAX + 1];
        struct stat st;
        int dir, r;

        r = walk(dirfd, path, last, &dir, &opened);
        if (r < 0)
                return r;
        /* Looked at before it is opened, because opening a device can do things, and after, because it may
         * have been replaced in between. */
        if (fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISLNK(st.st_mode) ? -ELOOP : -EINVAL;
        fd = openat(dir, last, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (ret_size)
                *ret_size = (uint64_t)st.st_size;
        return take_fd(&fd);
}

int section_open_dir(int dirfd, const char *path)
{
        _cleanup_fd_ int opened = -1;
        char last[NAME_MAX + 1];
        int dir, fd, r;

        r = walk(dirfd, path, last, &dir, &opened);
        if (r < 0)
                return r;
        fd = openat(dir, last, DIR_FLAGS);
        return fd < 0 ? dir_error(dir, last, errno) : fd;
}

int section_read(int dirfd, const char *path, struct buf *b)
{
        _cleanup_fd_ int fd = section_open(dirfd, path, NULL);
        int r;

        if (fd < 0)
                return fd;
        r = buf_reserve(b, 1);
        return r < 0 ? r : file_read_fd(fd, b);
}

static int compare_ids(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

int section_list_ids(int dirfd, size_t max, int32_t **ret, size_t *ret_n)
{
        _cleanup_dir_ DIR *dir = NULL;
        _cleanup_free_ int32_t *ids = NULL;
        size_t n = 0, room = 0;
        struct dirent *entry;
        int r = dir_open_at(dirfd, ".", &dir);

        if (r < 0)
                return r;
        while (n < max && (entry = readdir(dir))) {
                uint64_t id;

                if (number_parse(entry->d_name, INT32_MAX, &id) < 0 || id == 0 || entry->d_name[0] == '0')
                        continue;
                if (n == room) {
                        int32_t *more = reallocarray(ids, room ? 2 * room : 64, sizeof(*ids));

                        if (!more)
                                return -ENOMEM;
                        ids = more;
                        room = room ? 2 * room : 64;
                }
                ids[n++] = (int32_t)id;
        }
        if (n > 0)
                qsort(ids, n, sizeof(*ids), compare_ids);
        *ret = take_ptr(ids);
        *ret_n = n;
        return 0;
}

int bundle_find_pid(int bundle_fd, int32_t *ret)
{
        /* The ancestors and descendants have none of these. */
        static const char *const marks[] = {"smaps", "maps", "task", "statm", "limits"};
        _cleanup_fd_ int proc = section_open_dir(bundle_fd, "proc");
        _cleanup_free_ int32_t *pids = NULL;
        size_t n;
        int r;

        if (proc < 0)
                return proc;
        r = section_list_ids(proc, SIZE_MAX, &pids, &n);
        if (r < 0)
                return r;
        for (size_t m = 0; m < ARRAY_SIZE(marks); m++)
                for (size_t i = 0; i < n; i++) {
                        char path[32];
                        struct stat st;

                        snprintf(path, sizeof(path), "%d/%s", pids[i], marks[m]);
                        if (fstatat(proc, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                                *ret = pids[i];
                                return 0;
                        }
                }
        return -ENOENT;
}

int bundle_open(const char *path, struct diag *d)
{
        static const char *const marks[] = {"manifest.json", "core", "proc", "recorder"};
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 && errno == ENOTDIR)
                return diag_set(d, -ENOTDIR, "%s: not a bundle (a bundle is a directory)", path);
        if (fd < 0)
                return diag_set(d, -errno, "%s: %s", path, strerror(errno));
        for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
                if (fstatat(fd, marks[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
                        return take_fd(&fd);
        return diag_set(d, -EINVAL, "%s: not a bundle (it has no manifest.json, core, proc or recorder)",
                        path);
}
