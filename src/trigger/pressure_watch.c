/* SPDX-License-Identifier: MIT */
#include "trigger/pressure_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/base64.h"
#include "base/file.h"

int pressure_watch_parse(const char *path, const char *bytes, struct pressure_watch *ret, struct diag *d)
{
        ret->n_bytes = 0;
        ret->path[0] = '\0';
        if (strcmp(path, "/dev/null") == 0)
                return 0;
        if (path[0] != '/' || strlen(path) >= sizeof(ret->path))
                return diag_set(d, -EINVAL, "MEMORY_PRESSURE_WATCH=%.80s: not a full path", path);
        if (bytes && base64_decode(bytes, strlen(bytes), ret->bytes, sizeof(ret->bytes), &ret->n_bytes) < 0)
                return diag_set(d, -EINVAL, "MEMORY_PRESSURE_WRITE=%.80s: not base64 of at most %zu bytes",
                                bytes, sizeof(ret->bytes));
        strcpy(ret->path, path);
        return 0;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_fd_ int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return take_fd(&fd);
}

/* A FIFO is opened for writing as well, whether we write or not: so it never comes to its end. */
static int open_file(const struct pressure_watch *w, mode_t mode)
{
        int flags = S_ISFIFO(mode) || w->n_bytes > 0 ? O_RDWR : O_RDONLY;
        int fd = open(w->path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? -errno : fd;
}

int pressure_watch_open(const struct pressure_watch *w, struct event_source *ret, struct diag *d)
{
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r;

        if (w->path[0] == '\0')
                return diag_set(d, -ENOENT, "MEMORY_PRESSURE_WATCH=/dev/null switches it off");
        if (stat(w->path, &st) < 0)
                return diag_set(d, -errno, "MEMORY_PRESSURE_WATCH=%s: %s", w->path, strerror(errno));
        if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
                return diag_set(d, -EINVAL,
                                "MEMORY_PRESSURE_WATCH=%s: neither a file nor a FIFO nor a socket", w->path);
        fd = S_ISSOCK(st.st_mode) ? connect_to(w->path) : open_file(w, st.st_mode);
        if (fd < 0)
                return diag_set(d, fd, "MEMORY_PRESSURE_WATCH=%s: %s", w->path, strerror(-fd));
        r = w->n_bytes > 0 ? file_write_all(fd, w->bytes, w->n_bytes) : 0;
        if (r < 0)
                return diag_set(d, r, "MEMORY_PRESSURE_WATCH=%s refuses what MEMORY_PRESSURE_WRITE says: %s",
                                w->path, strerror(-r));
        *ret = (struct event_source){.fd = take_fd(&fd),
                                     .kind = S_ISREG(st.st_mode) ? EVENT_PSI : EVENT_BYTES,
                                     .whose = "where MEMORY_PRESSURE_WATCH says"};
        return 0;
}
