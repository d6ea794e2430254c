/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/number.h"
#include "capture/collectors/fds.h"

static bool starts_with(const char *s, size_t len, const char *prefix)
{
        return len >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *s, size_t len, const char *tail)
{
        return len >= strlen(tail) && memcmp(s + len - strlen(tail), tail, strlen(tail)) == 0;
}

const char *fd_kind_by_link(const char *link, size_t len)
{
        static const struct {
                const char *prefix, *kind;
        } kinds[] = {
                {"socket:[", "socket"},
                {"pipe:[", "pipe"},
                {"anon_inode:[eventpoll]", "epoll"},
                {"anon_inode:[eventfd]", "eventfd"},
                {"anon_inode:[timerfd]", "timerfd"},
                {"anon_inode:[signalfd]", "signalfd"},
                {"anon_inode:inotify", "inotify"},
                {"anon_inode:[inotify]", "inotify"}, /* since Linux 6.x, with brackets like the others */
                {"anon_inode:", "other"},
        };

        if (len > 0 && link[0] == '/')
                return NULL;
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (starts_with(link, len, kinds[i].prefix))
                        return kinds[i].kind;
        return "other";
}

const char *fd_kind_by_stat(const char *link, size_t len, const struct statx *st)
{
        bool deleted = st->stx_nlink == 0 && ends_with(link, len, " (deleted)");

        switch (st->stx_mode & S_IFMT) {
        case S_IFREG:
                if (deleted && starts_with(link, len, "/memfd:"))
                        return "memfd";
                return deleted ? "deleted" : "file";
        case S_IFDIR:
                return "dir";
        case S_IFCHR:
                return "char";
        case S_IFBLK:
                return "block";
        case S_IFIFO:
                return "pipe";
        case S_IFSOCK:
                return "socket";
        default:
                return "other";
        }
}

uint64_t fd_link_inode(const char *link, size_t len)
{
        const char *end = link + len;
        const char *p = len > 0 && link[0] != '/' ? memchr(link, '[', len) : NULL;
        uint64_t inode;

        if (!p)
                return 0;
        p++;
        return number_scan(&p, end, 10, &inode) == 0 && p < end && *p == ']' ? inode : 0;
}
