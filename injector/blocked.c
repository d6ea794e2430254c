/* SPDX-License-Identifier: MIT */
#include "injector/blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scan.h"

#define ARGUMENTS 6
_Static_assert(sizeof(((struct blocked *)0)->args) == ARGUMENTS * sizeof(uint64_t), "arguments");

int blocked_parse(const char *text, size_t len, struct blocked *ret)
{
        struct scan s = scan_of(text, len);
        uint64_t values[ARGUMENTS + 2];
        struct blocked b;
        size_t n = 0;
        int32_t nr;

        if (scan_word(&s, "running"))
                return -EAGAIN;
        if (!scan_int(&s, &nr))
                return -EINVAL;
        while (n < ARGUMENTS + 2 && scan_word(&s, " 0x") && scan_hex(&s, &values[n]))
                n++;
        if (n != 2 && n != ARGUMENTS + 2)
                return -EINVAL;
        b = (struct blocked){.syscall = nr, .sp = values[n - 2], .pc = values[n - 1]};
        if (b.sp == 0)
                return -ESRCH;
        if (n > 2)
                memcpy(b.args, values, sizeof(b.args));
        *ret = b;
        return 0;
}

int blocked_read(int task_fd, pid_t tid, struct blocked *ret)
{
        char path[32], text[256];
        ssize_t n;
        int fd, err;

        snprintf(path, sizeof(path), "%d/syscall", tid);
        fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, sizeof(text));
        err = errno;
        close(fd);
        if (n < 0)
                return -err;
        return blocked_parse(text, (size_t)n, ret);
}
