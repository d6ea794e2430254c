/* SPDX-License-Identifier: MIT */
#include "brake/oom_event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* The eventfd, or -errno. */
static int register_event(int dirfd, const char *file, const char *argument)
{
        _cleanup_fd_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), of = -1, control = -1;
        char line[64];
        int r;

        if (event < 0)
                return -errno;
        of = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        control = openat(dirfd, "cgroup.event_control", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (of < 0 || control < 0)
                return -errno;
        r = file_write_all(control, line,
                           (size_t)snprintf(line, sizeof(line), "%d %d %s", event, of, argument));
        return r < 0 ? r : take_fd(&event);
}

int oom_event_open(const char *dir, struct oom_event *ret, struct diag *d)
{
        _cleanup_fd_ int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct oom_event e = OOM_EVENT_NONE;

        e.oom_fd = dirfd < 0 ? -errno : register_event(dirfd, "memory.oom_control", "");
        if (e.oom_fd < 0)
                return diag_set(d, e.oom_fd, "%s/cgroup.event_control: %s", dir, strerror(-e.oom_fd));
        e.pressure_fd = register_event(dirfd, "memory.pressure_level", "critical,local");
        *ret = e;
        return 0;
}

void oom_event_close(struct oom_event *e)
{
        fd_closep(&e->oom_fd);
        fd_closep(&e->pressure_fd);
}
