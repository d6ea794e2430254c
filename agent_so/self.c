/* SPDX-License-Identifier: MIT */
#include "agent_so/self.h"

#include <errno.h>
#include <fcntl.h>
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

uint64_t self_start_ticks(void)
{
        char text[1024];
        const char *p, *end;
        uint64_t ticks = 0;
        long n = self_read("/proc/self/stat", text, sizeof(text));

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
