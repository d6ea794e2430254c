/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"

long self_read(const char *path, char *out, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t used = 0;
        ssize_t n = 0;

        if (fd < 0)
                return -errno;
        while (used < size - 1 && (n = read(fd, out + used, size - 1 - used)) > 0)
                used += (size_t)n;
        n = n < 0 ? -errno : 0;
        close(fd);
        out[used] = '\0';
        return n < 0 ? n : (long)used;
}

/* Field 22 of a stat file; 0: it is not there. */
static uint64_t start_ticks(const char *text, long n)
{
        const char *p, *end;
        uint64_t ticks = 0;

        p = n > 0 ? strrchr(text, ')') : NULL; /* comm may hold anything */
        if (!p)
                return 0;
        end = text + n;
        for (int field = 2; field < 22 && p; field++)
                p = memchr(p + 1, ' ', (size_t)(end - p - 1));
        if (!p)
                return 0;
        p++;
        return number_scan(&p, end, 10, &ticks) < 0 ? 0 : ticks;
}

uint64_t self_start_ticks(void)
{
        char text[1024];
        long n = self_read("/proc/self/stat", text, sizeof(text));

        return start_ticks(text, n);
}

int self_process_start_ticks(pid_t pid, uint64_t *ret)
{
        char path[32], text[1024];
        long n;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        n = self_read(path, text, sizeof(text));
        if (n < 0 && n != -ENOENT && n != -ESRCH)
                return (int)n;
        *ret = start_ticks(text, n);
        return 0;
}

uint64_t self_pid_namespace(void)
{
        struct stat st;

        return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

void self_boot_id(char *out, size_t size)
{
        long n = self_read("/proc/sys/kernel/random/boot_id", out, size);

        memset(out + (n > 36 ? 36 : n < 0 ? 0 : n), 0, size - (size_t)(n > 36 ? 36 : n < 0 ? 0 : n));
}
