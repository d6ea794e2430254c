/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/file_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/mapped_file.h"

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
        int r;

        if (path[0] != '/')
                return -EINVAL;
        name = open_name(root, path);
        if (name < 0)
                return name;
        r = regular_file_reopen(name);
        return r == -ESTALE ? -EINVAL : r;
}
