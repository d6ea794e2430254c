/* SPDX-License-Identifier: MIT */
#include "cli/watch/exe_match.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/number.h"

#define DELETED " (deleted)"

void exe_match_refresh(struct exe_match *e, const char *path)
{
        struct stat st;

        e->given = path;
        e->exists = stat(path, &st) == 0 && S_ISREG(st.st_mode);
        if (e->exists) {
                e->dev = st.st_dev;
                e->ino = st.st_ino;
        }
        if (!e->exists || !realpath(path, e->real))
                snprintf(e->real, sizeof(e->real), "%s", path);
}

static bool same_path(const char *path, const char *link, size_t len)
{
        size_t n = strlen(path);

        if (len < n || memcmp(link, path, n) != 0)
                return false;
        return len == n || (len == n + strlen(DELETED) && memcmp(link + n, DELETED, strlen(DELETED)) == 0);
}

int exe_match_link(const struct exe_match *e, int dirfd, const char *link)
{
        char text[PATH_MAX];
        struct stat st;
        ssize_t n = readlinkat(dirfd, link, text, sizeof(text));

        if (n < 0)
                return errno == ENOENT || errno == ESRCH ? 0 : -errno;
        if (same_path(e->real, text, (size_t)n) || same_path(e->given, text, (size_t)n))
                return 1;
        return e->exists && fstatat(dirfd, link, &st, 0) == 0 && st.st_dev == e->dev && st.st_ino == e->ino;
}

uint64_t last_pid_read(void)
{
        char text[128];
        struct buf b = BUF_FIXED(text, sizeof(text));
        uint64_t pid = 0;
        const char *p;

        if (file_read_at(AT_FDCWD, "/proc/loadavg", &b) < 0)
                return 0;
        p = strrchr(b.data, ' ');
        if (p) {
                p++;
                number_scan(&p, b.data + b.len, 10, &pid);
        }
        return pid;
}
