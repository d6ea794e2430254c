/* SPDX-License-Identifier: MIT */
#include "cli/armed/kill_count.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory_group.h"
#include "base/number.h"

int kill_count_parse(const char *text, uint64_t *ret)
{
        static const char key[] = "oom_kill ";
        const char *end = text + strlen(text);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, strlen(key)) == 0) {
                        const char *p = line + strlen(key);

                        return number_scan(&p, end, 10, ret) < 0 ? -ENODATA : 0;
                }
        }
        return -ENODATA;
}

static int count_read(int fd, uint64_t *ret)
{
        char text[1024];
        ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

        if (n < 0)
                return -ENODATA;
        text[n] = '\0';
        return kill_count_parse(text, ret);
}

void kill_count_open(const struct target *t, struct kill_count *ret)
{
        _cleanup_free_ struct memory_group *g = malloc(sizeof(*g)); /* 12 KiB of paths */

        *ret = KILL_COUNT_NONE;
        if (!g || memory_group_find(t->proc_fd, g) < 0)
                return;
        ret->fd = memory_group_open(g, "memory.oom_control", "memory.events");
        if (count_read(ret->fd, &ret->old) < 0)
                kill_count_close(ret);
        ret->older = ret->old;
}

void kill_count_close(struct kill_count *c)
{
        if (c->fd >= 0)
                close(c->fd);
        *c = KILL_COUNT_NONE;
}

void kill_count_look(struct kill_count *c)
{
        c->older = c->old;
        count_read(c->fd, &c->old);
}

int kill_count_since(const struct kill_count *c, uint64_t *ret)
{
        uint64_t now;
        int r = count_read(c->fd, &now);

        if (r == 0)
                *ret = now - c->older;
        return r;
}
