/* SPDX-License-Identifier: MIT */
/* recorder - the agent's recorder (base/recorder/recorder_layout.h), if the target has one: it is among its mappings.
 *
 *   7f3a5c000000-7f3a5c456000 rw-s 00000000 00:1b 4711   /dev/shm/swansong-1000/swansong.4711.987654.rec
 *
 * Taken as the file that is mapped and no other (base/mapped_file.h).  It must be the target's user's, or root's (a service that
 * gave its privileges up). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mapped_file.h"
#include "base/recorder/recorder_dir.h"
#include "base/recorder/recorder_layout.h"
#include "capture/collectors.h"
#include "capture/collectors/recorder.h"

static bool is_recorder(const struct maps_line *l, pid_t ns_pid)
{
        const char *slash = l->path ? memrchr(l->path, '/', l->path_len) : NULL;
        char name[RECORDER_NAME_SPACE];
        size_t n = slash ? l->path_len - (size_t)(slash + 1 - l->path) : 0;
        uint64_t ticks;
        pid_t pid;

        if (n == 0 || n >= sizeof(name) || l->perms[3] != 's')
                return false;
        memcpy(name, slash + 1, n);
        name[n] = '\0';
        return recorder_name_parse(name, &pid, &ticks) == 0 && (ns_pid == 0 || pid == ns_pid);
}

/* Go through the text of maps, piece by piece.  0: *ret's path lies in the buffer; or -errno; -ENOENT: no recorder. */
static int find_mapping(const struct target *t, pid_t ns_pid, char *buffer, size_t size,
                        struct maps_line *ret)
{
        _cleanup_fd_ int fd = openat(t->proc_fd, "maps", O_RDONLY | O_CLOEXEC);
        size_t kept = 0;

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = read(fd, buffer + kept, size - kept);
                const char *at = buffer, *end, *last;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENOENT;
                end = buffer + kept + n;
                last = memrchr(buffer, '\n', (size_t)(end - buffer));
                while (last && at < last) {
                        struct maps_line l;

                        if (maps_line_parse(at, (size_t)(end - at), &l, &at) == 0 &&
                            is_recorder(&l, ns_pid)) {
                                *ret = l;
                                return 0;
                        }
                }
                kept = (size_t)(end - at);
                if (kept == size)
                        kept = 0; /* no line is that long */
                memmove(buffer, at, kept);
        }
}

int recorder_open_mapped(const struct target *t, pid_t ns_pid, char *buffer, size_t size)
{
        struct maps_line m;
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r = find_mapping(t, ns_pid, buffer, size, &m);

        if (r < 0)
                return r;
        fd = mapped_file_open(t->proc_fd, &m);
        if (fd < 0)
                return fd == -ENOENT ? -ESTALE : fd == -ESTALE ? -EPERM : fd;
        if (fstat(fd, &st) < 0 || (st.st_uid != t->uid && st.st_uid != 0))
                return -EPERM;
        return take_fd(&fd);
}

void recorder_make(struct collect *c, const struct collector *row)
{
        const char *path = row->name + 1;
        _cleanup_fd_ int fd = recorder_open_mapped(c->target, c->ns_pid, c->buffer, COLLECT_BUFFER);

        if (fd == -ENOENT || (fd < 0 && collect_target_died(c)))
                return; /* most processes have none */
        if (fd < 0)
                section_missing(c->writer, path, true, -fd,
                                fd == -EPERM ? "not the file that is mapped, or another user's: not trusted"
                                : fd == -ESTALE
                                        ? "it has been removed, and cannot be reached through its mapping"
                                        : NULL);
        else if (c->recorder_fd)
                *c->recorder_fd = take_fd(&fd);
        else
                copy_fd(c, fd, path, row, NULL);
}
