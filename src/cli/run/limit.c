/* SPDX-License-Identifier: MIT */
#include "cli/run/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory_group.h"

/* The last process of a group leaves it a moment after it has been waited for. */
#define EMPTY_NS (2 * NS_PER_S)

static int write_number(int dirfd, const char *file, uint64_t value)
{
        _cleanup_fd_ int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);
        char text[32];

        if (fd < 0)
                return -errno;
        return file_write_all(fd, text,
                              (size_t)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)value));
}

static int write_limits(const char *path, int version, uint64_t bytes)
{
        _cleanup_fd_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (dir < 0)
                return -errno;
        r = write_number(dir, version == 1 ? "memory.limit_in_bytes" : "memory.max", bytes);
        /* Not there where the kernel does not account for swap. */
        if (r == 0)
                write_number(dir, version == 1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
                             version == 1 ? bytes : 0);
        return r;
}

int run_limit_make(uint64_t bytes, struct run_limit *ret, struct diag *d)
{
        _cleanup_fd_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct memory_group g;
        struct run_limit l;
        int r = self < 0 ? -errno : memory_group_find(self, &g);

        if (r < 0)
                return diag_set(d, r, "no memory group can be made: %s", strerror(-r));
        if (g.version == 2)
                memory_group_up(&g);
        if (snprintf(l.path, sizeof(l.path), "%s%s/swansong-run.%d", g.mount,
                     strcmp(g.path, "/") ? g.path : "", (int)getpid()) >= (int)sizeof(l.path))
                return diag_set(d, -ENAMETOOLONG, "no memory group can be made: %s", strerror(ENAMETOOLONG));
        if (mkdir(l.path, 0755) < 0)
                return diag_set(d, -errno, "no memory group can be made (%s): %s", l.path, strerror(errno));
        r = write_limits(l.path, g.version, bytes);
        if (r < 0) {
                rmdir(l.path);
                return diag_set(d, r, "a memory group cannot be limited (%s): %s", l.path,
                                r == -ENOENT ? "the memory controller is not enabled there" : strerror(-r));
        }
        *ret = l;
        return 0;
}

int run_limit_enter(const struct run_limit *l, pid_t pid, struct diag *d)
{
        _cleanup_fd_ int dir = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? -errno : write_number(dir, "cgroup.procs", (uint64_t)pid);

        return r < 0 ? diag_set(d, r, "%s: the command cannot be put into this memory group: %s", l->path,
                                strerror(-r))
                     : 0;
}

int run_limit_remove(struct run_limit *l)
{
        uint64_t until = clock_monotonic_ns() + EMPTY_NS;
        int r = 0;

        if (!l->path[0])
                return 0;
        while (rmdir(l->path) < 0) {
                r = -errno;
                if (r != -EBUSY || clock_monotonic_ns() > until)
                        return r;
                nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
        l->path[0] = '\0';
        return 0;
}
