/* SPDX-License-Identifier: MIT */
#include "trigger/group_events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/file.h"

/* A threshold stays until the eventfd is closed: with a limit that changes all the time, polling has to do. */
#define WRITTEN_MAX 64

static int level_open(const struct limit_reader *l, const struct limit_level *level, const char *file,
                      int flags)
{
        char path[2 * PATH_MAX + 32];
        int fd;

        snprintf(path, sizeof(path), "%.*s/%s", (int)level->len, l->dir, file);
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Files that the events cannot take are closed again: then polling has to do. */
static void add(struct events *e, int fd, enum event_kind kind)
{
        struct event_source source = {.fd = fd, .kind = kind, .whose = "memory group"};

        events_add(e, &source, EVENT_WAKES);
}

void group_events_open(const struct limit_reader *l, struct group_events *ret, struct events *e)
{
        *ret = GROUP_EVENTS_NONE;
        if (l->version == 1) {
                int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

                if (fd >= 0 && e->n < EVENTS_MAX) {
                        ret->eventfd = fd;
                        add(e, take_fd(&fd), EVENT_BYTES);
                }
                fd_closep(&fd);
                return;
        }
        for (unsigned i = 0; i < l->n && e->n < EVENTS_MAX; i++) {
                int fd = l->levels[i].bytes == UINT64_MAX
                                 ? -1
                                 : level_open(l, &l->levels[i], "memory.events", O_RDONLY);

                if (fd >= 0)
                        add(e, fd, EVENT_KERNFS);
        }
}

void group_events_moved(struct group_events *g)
{
        memset(g->thresholds, 0, sizeof(g->thresholds));
}

void group_events_line(int eventfd, int usage_fd, uint64_t bytes, char *out, size_t size)
{
        snprintf(out, size, "%d %d %llu", eventfd, usage_fd, (unsigned long long)bytes);
}

static int write_threshold(struct group_events *g, const struct limit_reader *l,
                           const struct limit_level *level, uint64_t bytes)
{
        _cleanup_fd_ int control = level_open(l, level, "cgroup.event_control", O_WRONLY);
        char line[64];

        if (control < 0)
                return control;
        if (g->n_written == WRITTEN_MAX)
                return -ENOSPC;
        g->n_written++;
        group_events_line(g->eventfd, level->usage_fd, bytes, line, sizeof(line));
        return file_write_all(control, line, strlen(line));
}

bool group_events_set(struct group_events *g, const struct limit_reader *l, const struct size_spec *level)
{
        bool all = g->eventfd >= 0, any = false;

        for (unsigned i = 0; i < l->n && all; i++) {
                const struct limit_level *of = &l->levels[i];
                uint64_t bytes = size_resolve(level, of->bytes);

                if (of->bytes == UINT64_MAX || of->usage_fd < 0)
                        continue;
                if (g->thresholds[i] != bytes) {
                        all = write_threshold(g, l, of, bytes) == 0;
                        g->thresholds[i] = all ? bytes : 0;
                }
                any = true;
        }
        return all && any;
}
