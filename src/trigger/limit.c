/* SPDX-License-Identifier: MIT */
#include "trigger/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory_group.h"
#include "base/number.h"
#include "base/target.h"

#define PATH_LEN (2 * PATH_MAX + 32)

#define PF_EXITING 0x00000004 /* include/linux/sched.h */

void limit_reader_make(char *dir, size_t mount_len, int version, bool has_swap, struct limit_reader *ret)
{
        size_t len, n_gauges;
        const struct memory_group_gauge *gauges = memory_group_gauges(version, has_swap, &n_gauges);

        *ret = (struct limit_reader){.dir = dir, .mount_len = mount_len, .version = version};
        for (len = strlen(dir); ret->n + n_gauges <= LIMIT_LEVELS;) {
                for (size_t i = 0; i < n_gauges; i++)
                        ret->levels[ret->n++] = (struct limit_level){
                                .len = len, .gauge = &gauges[i], .bytes = UINT64_MAX, .usage_fd = -1};
                if (len <= mount_len)
                        break;
                while (len > mount_len && dir[--len] != '/')
                        ;
        }
}

void limit_reader_open(int proc_fd, struct limit_reader *ret)
{
        struct memory_group g;
        char *dir;

        *ret = LIMIT_READER_NONE;
        if (memory_group_find(proc_fd, &g) < 0 ||
            asprintf(&dir, "%s%s", g.mount, strcmp(g.path, "/") == 0 ? "" : g.path) < 0)
                return;
        limit_reader_make(dir, strlen(g.mount), g.version, memory_group_has_swap(), ret);
        ret->group = strdup(g.kernel);
}

void limit_reader_close(struct limit_reader *l)
{
        for (unsigned i = 0; i < l->n; i++)
                fd_closep(&l->levels[i].usage_fd);
        freep(&l->dir);
        freep(&l->group);
        l->n = 0;
}

static bool is_ending(int proc_fd)
{
        char text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct stat_brief brief;

        return file_read_at(proc_fd, "stat", &b) < 0 || stat_brief_parse(b.data, b.len, &brief) < 0 ||
               brief.flags & PF_EXITING;
}

bool limit_reader_follow(int proc_fd, struct limit_reader *l)
{
        char text[PATH_LEN], name[PATH_MAX];
        struct buf b = BUF_FIXED(text, sizeof(text) - 1);
        struct limit_reader now;
        int version;

        if (file_read_at(proc_fd, "cgroup", &b) < 0)
                return false;
        text[b.len] = '\0';
        if (memory_group_name(text, &version, name) < 0 || (l->group && strcmp(l->group, name) == 0))
                return false;
        limit_reader_open(proc_fd, &now);
        /* Asked afterwards: until here it was alive. */
        if (!now.dir || is_ending(proc_fd)) {
                limit_reader_close(&now);
                return false;
        }
        limit_reader_close(l);
        *l = now;
        return true;
}

const char *limit_file(const struct limit_reader *l)
{
        size_t n;

        return memory_group_gauges(l->version, false, &n)->limit;
}

static void level_path(const struct limit_reader *l, size_t len, const char *file, char path[PATH_LEN])
{
        snprintf(path, PATH_LEN, "%.*s/%s", (int)len, l->dir, file);
}

/* The root of v2 has no such file; v1 none of swap when it was started so. */
static uint64_t read_limit(struct limit_reader *l, const struct limit_level *level)
{
        char path[PATH_LEN], text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int r;

        level_path(l, level->len, level->gauge->limit, path);
        r = file_read_at(AT_FDCWD, path, &b);
        text[b.len] = '\0';
        if (r == 0)
                return memory_group_limit_parse(text);
        if (r != -ENOENT && l->error == 0) {
                l->error = r;
                l->error_len = level->len;
        }
        return MEMORY_GROUP_UNLIMITED;
}

void limit_read(struct limit_reader *l, uint64_t mem_total, struct memory_limit *ret)
{
        int tightest = LIMIT_MACHINE;

        l->error = 0;
        for (unsigned i = 0; i < l->n; i++) {
                struct limit_level *level = &l->levels[i];
                char path[PATH_LEN];

                level->bytes = read_limit(l, level);
                if (level->bytes >= mem_total) {
                        level->bytes = UINT64_MAX;
                        fd_closep(&level->usage_fd);
                        continue;
                }
                if (level->usage_fd < 0) {
                        level_path(l, level->len, level->gauge->usage, path);
                        level->usage_fd = open(path, O_RDONLY | O_CLOEXEC);
                }
                if (tightest < 0 || level->bytes < l->levels[tightest].bytes)
                        tightest = (int)i;
        }
        limit_describe(l, tightest, mem_total, ret);
}

int limit_usage(const struct limit_reader *l, unsigned i, uint64_t *ret)
{
        char text[32];
        const char *p = text;
        ssize_t n = l->levels[i].usage_fd < 0 ? 0 : pread(l->levels[i].usage_fd, text, sizeof(text), 0);

        if (n <= 0)
                return n < 0 ? -errno : -ENODATA;
        return number_scan(&p, text + n, 10, ret);
}

int limit_nearest(const struct limit_reader *l, uint64_t *ret_used)
{
        double fullest = -1;
        int nearest = LIMIT_MACHINE;

        for (unsigned i = 0; i < l->n; i++) {
                uint64_t used;
                double share;

                if (limit_usage(l, i, &used) < 0)
                        continue;
                /* A limit of 0 is full at once. */
                share = (double)used / ((double)l->levels[i].bytes + 1);
                if (share > fullest) {
                        fullest = share;
                        nearest = (int)i;
                        *ret_used = used;
                }
        }
        return nearest;
}

void limit_describe(const struct limit_reader *l, int level, uint64_t mem_total, struct memory_limit *ret)
{
        size_t len = level < 0 ? 0 : l->levels[level].len - l->mount_len;

        if (level < 0) {
                *ret = (struct memory_limit){.bytes = mem_total, .source = "this machine's memory"};
                return;
        }
        ret->bytes = l->levels[level].bytes;
        snprintf(ret->source, sizeof(ret->source), "memory group %.*s%s", len ? (int)len : 1,
                 len ? l->dir + l->mount_len : "/", l->levels[level].gauge->beside);
}
