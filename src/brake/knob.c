/* SPDX-License-Identifier: MIT */
#include "brake/knob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/scan.h"

const char *const knob_files[] = {"memory.high", "memory.oom_control", "memory.limit_in_bytes",
                                  "memory.memsw.limit_in_bytes", NULL};

const char *knob_file(const char *name, size_t len)
{
        for (size_t i = 0; knob_files[i]; i++)
                if (strlen(knob_files[i]) == len && memcmp(knob_files[i], name, len) == 0)
                        return knob_files[i];
        return NULL;
}

int knob_parse(const char *text, size_t len, uint64_t *ret)
{
        struct scan s = scan_of(text, len);

        if (scan_word(&s, "max")) {
                *ret = KNOB_MAX;
                return 0;
        }
        scan_word(&s, "oom_kill_disable ");
        return scan_number(&s, ret) ? 0 : -EINVAL;
}

int knob_open(int dirfd, const char *file, struct knob *ret)
{
        struct knob k = {.file = file, .fd = openat(dirfd, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
        int r = k.fd < 0 ? -errno : knob_read(&k, &k.original);

        if (r < 0) {
                fd_closep(&k.fd);
                return r;
        }
        k.ours = k.original;
        *ret = k;
        return 0;
}

void knob_close(struct knob *k)
{
        fd_closep(&k->fd);
}

int knob_read(const struct knob *k, uint64_t *ret)
{
        char text[256];
        ssize_t n = pread(k->fd, text, sizeof(text), 0);

        return n < 0 ? -errno : knob_parse(text, (size_t)n, ret);
}

static int knob_write(const struct knob *k, uint64_t value)
{
        char text[32];
        int n = value == KNOB_MAX ? snprintf(text, sizeof(text), "max\n")
                                  : snprintf(text, sizeof(text), "%llu\n", (unsigned long long)value);

        return pwrite(k->fd, text, (size_t)n, 0) < 0 ? -errno : 0;
}

int knob_apply(const struct knob *k)
{
        uint64_t now;
        int r = knob_read(k, &now);

        if (r < 0)
                return r;
        return now == k->original ? knob_write(k, k->ours) : -ESTALE;
}

int knob_restore(const struct knob *k)
{
        uint64_t now;
        int r = knob_read(k, &now);

        if (r == 0 && now == k->ours && k->ours != k->original) {
                r = knob_write(k, k->original);
                if (r == 0)
                        r = knob_read(k, &now);
                if (r == 0 && now == k->ours)
                        r = -EBUSY;
        }
        return r == -ENODEV ? 0 : r;
}
