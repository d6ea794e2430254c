/* SPDX-License-Identifier: MIT */
#include "base/trusted_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINKS_MAX 40 /* as in the kernel (MAXSYMLINKS) */

/* The way that is still to go below `at`: links are put in the place of their name, and judged component by component like the
 * rest. */
struct way {
        int at; /* O_PATH */
        unsigned links;
        char rest[PATH_MAX];
};

/* `link` (O_PATH) is what was looked at and what is read: nobody can put another one in between. */
static int follow_link(struct way *way, int link, const struct stat *st, const char *name, const char *path,
                       struct diag *d)
{
        char to[PATH_MAX];
        ssize_t n;
        size_t left = strlen(way->rest);

        if (st->st_uid != 0 && st->st_uid != geteuid())
                return diag_set(d, -ELOOP,
                                "%s: '%s' is a symbolic link that belongs to uid %u, not followed; "
                                "name the directory itself",
                                path, name, st->st_uid);
        n = readlinkat(link, "", to, sizeof(to));
        if (n < 0)
                return diag_set(d, -errno, "%s: %s", path, strerror(errno));
        if (++way->links > LINKS_MAX)
                return diag_set(d, -ELOOP, "%s: %s", path, strerror(ELOOP));
        if ((size_t)n + 1 + left >= sizeof(way->rest))
                return diag_set(d, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
        memmove(way->rest + n + 1, way->rest, left + 1);
        memcpy(way->rest, to, (size_t)n);
        way->rest[n] = '/';
        if (to[0] == '/') {
                fd_closep(&way->at);
                way->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (way->at < 0)
                        return diag_set(d, -errno, "%s: %s", path, strerror(errno));
        }
        return 0;
}

/* Cut the first component off the rest; false: that was all. */
static bool next_name(struct way *way, char name[PATH_MAX])
{
        const char *begin = way->rest + strspn(way->rest, "/");
        size_t n = strcspn(begin, "/");

        memcpy(name, begin, n);
        name[n] = '\0';
        memmove(way->rest, begin + n, strlen(begin + n) + 1);
        return n > 0;
}

static int walk(struct way *way, const char *path, struct diag *d)
{
        char name[PATH_MAX];

        while (next_name(way, name)) {
                _cleanup_fd_ int fd = openat(way->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                struct stat st;
                int r;

                if (fd < 0 || fstat(fd, &st) < 0)
                        return diag_set(d, -errno, "%s: %s", path, strerror(errno));
                if (S_ISLNK(st.st_mode)) {
                        r = follow_link(way, fd, &st, name, path, d);
                        if (r < 0)
                                return r;
                } else {
                        /* A file: the next step says ENOTDIR. */
                        fd_closep(&way->at);
                        way->at = take_fd(&fd);
                }
        }
        return 0;
}

int dir_open_trusted(const char *path, struct diag *d)
{
        struct way way = {.at = -1};
        _cleanup_fd_ int dir = -1;
        int r;

        if (*path == '\0')
                return diag_set(d, -ENOENT, "the directory's name is empty");
        if (strlen(path) >= sizeof(way.rest))
                return diag_set(d, -ENAMETOOLONG, "%.60s…: %s", path, strerror(ENAMETOOLONG));
        strcpy(way.rest, path);
        way.at = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = way.at < 0 ? diag_set(d, -errno, "%s: %s", path, strerror(errno)) : walk(&way, path, d);
        if (r == 0) {
                dir = openat(way.at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        r = diag_set(d, -errno, "%s: %s", path, strerror(errno));
        }
        fd_closep(&way.at);
        if (r < 0)
                return r;
        if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
                return diag_set(d, -errno, "%s: cannot write there: %s", path, strerror(errno));
        return take_fd(&dir);
}
