/* SPDX-License-Identifier: MIT */
#include "capture/cpu_time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/target.h"

int cpu_time_parse(const char *text, struct cpu_time *ret)
{
        const char *p = text, *end = text + strlen(text);
        struct cpu_time t;

        if (number_scan(&p, end, 10, &t.used_ns) < 0 || p == end || *p++ != ' ' ||
            number_scan(&p, end, 10, &t.waited_ns) < 0)
                return -EINVAL;
        *ret = t;
        return 0;
}

int cpu_time_open(pid_t pid)
{
        char path[32];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

bool cpu_time_is_wanted(pid_t pid)
{
        char path[32], text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief stat;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        return file_read_at(AT_FDCWD, path, &b) == 0 && stat_brief_parse(b.data, b.len, &stat) == 0 &&
               stat.state == 'R';
}

struct cpu_time cpu_time_read(int fd)
{
        struct cpu_time t = {0};
        char text[80];
        ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

        if (n > 0) {
                text[n] = '\0';
                cpu_time_parse(text, &t);
        }
        return t;
}
