/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/recorder_old.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_so/dir_entries.h"
#include "agent_so/recorder/self.h"
#include "base/cleanup.h"
#include "base/recorder/recorder_dir.h"
#include "base/recorder/recorder_layout.h"

#define LOOKED_AT_MAX 512 /* files: the start of a program among many others has an end, too */

static struct recorder_header head; /* too large for a small stack */

static bool read_head(int dirfd, const char *name)
{
        _cleanup_fd_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        return fd >= 0 && pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
               memcmp(head.magic, RECORDER_MAGIC, sizeof(head.magic)) == 0;
}

bool recorder_old_is_foreign(int dirfd, const char *name)
{
        return read_head(dirfd, name) && head.pid_namespace != 0 &&
               head.pid_namespace != self_pid_namespace();
}

/* What counts: left by a process of our PID namespace that is gone, and not kept on purpose.  *ret_time: when it was last seen,
 * ns of CLOCK_REALTIME. */
static bool is_left(int dirfd, const char *name, uint64_t namespace, uint64_t *ret_time)
{
        uint64_t ticks, now;
        pid_t pid;

        if (recorder_name_parse(name, &pid, &ticks) < 0 || self_process_start_ticks(pid, &now) < 0 ||
            now == ticks || !read_head(dirfd, name) || head.pid_namespace != namespace ||
            (head.state == RECORDER_FINISHED && !(head.flags & RECORDER_SEALED)))
                return false;
        *ret_time = head.began_realtime_ns + (head.updated_ns - head.began_monotonic_ns);
        return true;
}

/* PIDs in /proc are ours? */
static bool proc_is_ours(void)
{
        char pid[16];
        ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 1);

        pid[n > 0 ? n : 0] = '\0';
        return n > 0 && strtol(pid, NULL, 10) == getpid();
}

static unsigned count(int dirfd)
{
        struct dir_entries entries = {.fd = dirfd};
        uint64_t ticks;
        const char *name;
        unsigned n = 0;
        pid_t pid;

        while ((name = dir_entries_next(&entries)))
                n += recorder_name_parse(name, &pid, &ticks) == 0;
        return n;
}

void recorder_old_remove(int dirfd)
{
        static struct {
                uint64_t time_ns;
                char name[RECORDER_NAME_SPACE];
        } left[RECORDERS_LEFT + 1];
        struct dir_entries entries = {.fd = dirfd};
        uint64_t namespace = self_pid_namespace();
        unsigned n = 0, looked_at = 0;
        const char *name;

        if (count(dirfd) <= RECORDERS_LEFT || !proc_is_ours() || lseek(dirfd, 0, SEEK_SET) < 0)
                return;
        while ((name = dir_entries_next(&entries)) && looked_at++ < LOOKED_AT_MAX) {
                unsigned oldest = 0;

                if (!is_left(dirfd, name, namespace, &left[n].time_ns))
                        continue;
                snprintf(left[n].name, sizeof(left[n].name), "%s", name);
                if (n < RECORDERS_LEFT) {
                        n++;
                        continue;
                }
                for (unsigned i = 1; i <= n; i++)
                        if (left[i].time_ns < left[oldest].time_ns)
                                oldest = i;
                unlinkat(dirfd, left[oldest].name, 0);
                left[oldest] = left[n];
        }
}
