/* SPDX-License-Identifier: MIT */
/* perf_map - /tmp/perf-PID.map, where a JIT (node, Java, Python) names the code that it made.
 *
 * It lies in a directory that everyone can write to, in the target's mount namespace, under the PID of its
 * PID namespace.  So: no component may be a symbolic link, the file must be a regular one with a single name
 * and belong to the target's user or to root, and it is opened for reading only after that is known (a FIFO
 * would block us, a device might do something). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "capture/collectors.h"

#define PATH_DIR (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void perf_map_make(struct collect *c, const struct collector *row)
{
        const struct target *t = c->target;
        _cleanup_fd_ int root = openat(t->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_fd_ int tmp = root < 0 ? -1 : openat(root, "tmp", PATH_DIR);
        _cleanup_fd_ int file = -1, readable = -1;
        char name[32], path[96], self[32];
        struct stat st;

        snprintf(name, sizeof(name), "perf-%d.map", c->ns_pid);
        snprintf(path, sizeof(path), "proc/%d/%s/%s", t->pid, row->name, name);
        if (tmp >= 0)
                file = openat(tmp, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0)
                return; /* most processes have none */
        if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
            (st.st_uid != t->uid && st.st_uid != 0)) {
                section_missing(c->writer, path, true, EPERM,
                                "not a regular file of the process's user or of root: not trusted");
                return;
        }
        snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
        readable = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (readable < 0)
                section_missing(c->writer, path, true, errno, NULL);
        else
                copy_fd(c, readable, path, row, NULL);
}
