/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/file_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Only a name for the file, which does nothing to it. */
static int open_name(const char *root, const char *path)
{
        struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                               .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        _cleanup_fd_ int dir = -1;
        long fd;

        if (root[0] == '\0') {
                fd = open(path, O_PATH | O_CLOEXEC);
                return fd < 0 ? -errno : (int)fd;
        }
        dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM)) { /* EPERM: seccomp filters that do not know it */
                while (*path == '/')
                        path++;
                fd = openat(dir, path, O_PATH | O_CLOEXEC);
        }
        return fd < 0 ? -errno : (int)fd;
}

int file_open_regular(const char *root, const char *path)
{
        _cleanup_fd_ int name = -1;
        char again[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        struct stat st;
        int fd;

        if (path[0] != '/')
                return -EINVAL;
        name = open_name(root, path);
        if (name < 0)
                return name;
        if (fstat(name, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        snprintf(again, sizeof(again), "/proc/self/fd/%d", name);
        fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}
