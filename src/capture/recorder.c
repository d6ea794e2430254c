/* SPDX-License-Identifier: MIT */
/* recorder - the agent's recorder (base/recorder_layout.h), if the target has one: it is among its mappings.
 *
 *   7f3a5c000000-7f3a5c456000 rw-s 00000000 00:1b 4711   /dev/shm/swansong-1000/swansong.4711.987654.rec
 *
 * Taken as the file that is mapped and no other: through /proc/PID/map_files where that is permitted (root, or
 * CAP_CHECKPOINT_RESTORE), else by its path in the target's own mount namespace, with the mapping's inode.  It must
 * be a regular file of the target's user, or of root (a service that gave its privileges up), and is opened for
 * reading only after that is known.  The device is not compared: overlayfs and btrfs show another one in maps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/maps_line.h"
#include "base/recorder_dir.h"
#include "base/recorder_layout.h"
#include "capture/collectors.h"
#include "capture/recorder.h"

struct mapping {
        uint64_t start, end, inode;
        char path[PATH_MAX];
};

static bool is_recorder(const struct maps_line *l, pid_t ns_pid, struct mapping *ret)
{
        const char *slash = l->path ? memrchr(l->path, '/', l->path_len) : NULL;
        char name[RECORDER_NAME_SPACE];
        size_t n = slash ? l->path_len - (size_t)(slash + 1 - l->path) : 0;
        uint64_t ticks;
        pid_t pid;

        if (n == 0 || n >= sizeof(name) || l->path_len >= sizeof(ret->path) || l->perms[3] != 's')
                return false;
        memcpy(name, slash + 1, n);
        name[n] = '\0';
        if (recorder_name_parse(name, &pid, &ticks) < 0 || (ns_pid && pid != ns_pid))
                return false;
        *ret = (struct mapping){.start = l->start, .end = l->end, .inode = l->inode};
        memcpy(ret->path, l->path, l->path_len);
        return true;
}

/* Go through the text of maps, piece by piece.  0, or -errno; -ENOENT: no recorder. */
static int find_mapping(const struct target *t, pid_t ns_pid, char *buffer, size_t size, struct mapping *ret)
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
                            is_recorder(&l, ns_pid, ret))
                                return 0;
                }
                kept = (size_t)(end - at);
                if (kept == size)
                        kept = 0; /* no line is that long */
                memmove(buffer, at, kept);
        }
}

/* An O_PATH descriptor of the mapped file, or -errno. */
static int open_mapped(const struct target *t, const struct mapping *m)
{
        _cleanup_fd_ int root = -1;
        char name[64];
        int fd;

        snprintf(name, sizeof(name), "map_files/%llx-%llx", (unsigned long long)m->start,
                 (unsigned long long)m->end);
        fd = openat(t->proc_fd, name, O_PATH | O_CLOEXEC);
        if (fd >= 0)
                return fd;
        root = openat(t->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = root < 0 ? -1 : openat(root, m->path + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int recorder_open_mapped(const struct target *t, pid_t ns_pid, char *buffer, size_t size)
{
        _cleanup_fd_ int file = -1;
        struct mapping m;
        struct stat st;
        char self[32];
        int fd, r = find_mapping(t, ns_pid, buffer, size, &m);

        if (r < 0)
                return r;
        file = open_mapped(t, &m);
        if (file < 0)
                return file == -ENOENT ? -ESTALE : file;
        if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != m.inode ||
            (st.st_uid != t->uid && st.st_uid != 0))
                return -EPERM;
        snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
        fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
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
