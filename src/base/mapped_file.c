/* SPDX-License-Identifier: MIT */
#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int regular_file_reopen(int path_fd)
{
        char self[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        struct stat st;
        int fd;

        if (fstat(path_fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ESTALE;
        snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
        fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* The kernel's paths have neither links nor "..": nothing is lost by following none. */
static int walk_without_links(int root, char *path)
{
        _cleanup_fd_ int at = -1;

        for (char *rest, *name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
                int next = strcmp(name, "..") == 0
                                   ? -1
                                   : openat(at < 0 ? root : at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

                if (next < 0)
                        return strcmp(name, "..") == 0 ? -ENOENT : -errno;
                fd_closep(&at);
                at = next;
        }
        return at < 0 ? -ENOENT : take_fd(&at);
}

/* The path as the process sees it, its own symbolic links included: it may run with another root than at the time of the
 * mapping.  openat2() is Linux 5.6, and refused by some containers' filters. */
static int open_in_root(int proc_fd, char *path)
{
        _cleanup_fd_ int root = openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                               .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        int fd;

        if (root < 0)
                return -errno;
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                return walk_without_links(root, path);
        return fd < 0 ? -errno : fd;
}

int mapped_file_open(int proc_fd, const struct maps_line *m)
{
        char path[PATH_MAX];
        _cleanup_fd_ int name = -1;
        struct stat st;

        snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)m->start,
                 (unsigned long long)m->end);
        name = openat(proc_fd, path, O_PATH | O_CLOEXEC);
        if (name >= 0)
                return regular_file_reopen(name);
        if (!m->path || m->path[0] != '/' || m->path_len >= sizeof(path))
                return -ENOENT;
        memcpy(path, m->path, m->path_len);
        path[m->path_len] = '\0';
        name = open_in_root(proc_fd, path);
        if (name < 0)
                return name;
        if (fstat(name, &st) < 0)
                return -errno;
        return st.st_ino == m->inode ? regular_file_reopen(name) : -ESTALE;
}
