/* SPDX-License-Identifier: MIT */
#include "cli/list_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/recorder/recorder_dir.h"
#include "cli/keep.h"

#define PARTIAL    ".partial"
#define DEPTH_MOST 12 /* of directories in a bundle: an honest one has 8 below sys/fs/cgroup */

static struct list_item *item_add(struct list *l, const char *dir_name, const char *name)
{
        struct list_item *item;

        if (l->n == l->room) {
                size_t room = l->room ? 2 * l->room : 16;
                struct list_item *grown = reallocarray(l->items, room, sizeof(*grown));

                if (!grown)
                        return NULL;
                l->items = grown;
                l->room = room;
        }
        item = &l->items[l->n];
        *item = (struct list_item){0};
        if (asprintf(&item->path, "%s%s%s", strcmp(dir_name, ".") ? dir_name : "",
                     strcmp(dir_name, ".") ? "/" : "", name) < 0)
                return NULL;
        l->n++;
        return item;
}

static char *exe_base(const char *exe)
{
        const char *slash = strrchr(exe, '/');

        return strdup(slash ? slash + 1 : exe);
}

/* 1: added; 0: not ours, or none. */
static int add_recorder(struct list *l, int dirfd, const char *dir_name, const char *name)
{
        _cleanup_fd_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char first[sizeof(struct recorder_header)];
        struct recorder_header h;
        struct list_item *item;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return 0;
        n = pread(fd, first, sizeof(first), 0);
        if (n < 0 || recorder_head_parse(first, (size_t)n, &h) < 0)
                return 0;
        item = item_add(l, dir_name, name);
        if (!item)
                return -ENOMEM;
        item->recorder = true;
        item->head = h;
        item->fate = recorder_fate(&h);
        item->pid = h.pid <= INT32_MAX ? (pid_t)h.pid : 0;
        item->time_ns = recorder_realtime(&h, h.updated_ns);
        item->size = (uint64_t)st.st_blocks * 512;
        item->comm = exe_base(h.exe);
        return item->comm ? 1 : -ENOMEM;
}

/* What the tree takes on the disk. */
static uint64_t tree_size(int parent, const char *name, unsigned depth)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *e;
        uint64_t sum = 0;

        if (depth == DEPTH_MOST || dir_open_at(parent, name, &dir) < 0)
                return 0;
        while ((e = readdir(dir))) {
                struct stat st;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                sum += (uint64_t)st.st_blocks * 512;
                if (S_ISDIR(st.st_mode))
                        sum += tree_size(dirfd(dir), e->d_name, depth + 1);
        }
        return sum;
}

/* "20261121T050000Z" in UTC. */
static uint64_t label_time(const struct bundle_label *label)
{
        struct tm t = {0};

        if (!strptime(label->time, "%Y%m%dT%H%M%SZ", &t))
                return 0;
        return (uint64_t)timegm(&t) * NS_PER_S;
}

static int add_bundle(struct list *l, int dirfd, const char *dir_name, const char *name,
                      const struct bundle_label *label, bool interrupted)
{
        struct list_item *item;
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
            st.st_uid != geteuid())
                return 0;
        item = item_add(l, dir_name, name);
        if (!item)
                return -ENOMEM;
        item->interrupted = interrupted;
        item->time_ns = label_time(label);
        item->size = tree_size(dirfd, name, 0);
        item->pid = atoi(strrchr(label->target, '.') + 1);
        item->comm = strdup(label->comm);
        return item->comm ? 1 : -ENOMEM;
}

/* 1: added, 0: looks like one but is refused; 2: something else. */
static int add_entry(struct list *l, int dirfd, const char *dir_name, const char *name)
{
        struct bundle_label label;
        size_t n = strlen(name), tail = strlen(PARTIAL);
        bool partial = n > tail && strcmp(name + n - tail, PARTIAL) == 0;
        char whole[NAME_MAX + 1];
        uint64_t ticks;
        pid_t pid;

        if (recorder_name_parse(name, &pid, &ticks) == 0)
                return add_recorder(l, dirfd, dir_name, name);
        snprintf(whole, sizeof(whole), "%.*s", (int)(partial ? n - tail : n), name);
        if (bundle_label_parse(whole, &label) < 0)
                return 2;
        return add_bundle(l, dirfd, dir_name, name, &label, partial);
}

int list_add_dir(struct list *l, int dirfd, const char *dir_name)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *e;
        int r = dir_open_at(dirfd, ".", &dir);

        while (r >= 0 && (e = readdir(dir))) {
                r = add_entry(l, dirfd, dir_name, e->d_name);
                l->refused += r == 0;
        }
        return r < 0 ? r : 0;
}

/* Directories of `swansong run`, "run.PID": those that are over left nothing, or were interrupted. */
static int add_runs(struct list *l, int places, const char *places_name)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *e;
        int r = dir_open_at(places, ".", &dir);

        while (r >= 0 && (e = readdir(dir))) {
                char path[PATH_MAX + NAME_MAX + 2];
                _cleanup_fd_ int fd = -1;

                if (strncmp(e->d_name, "run.", 4) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", places_name, e->d_name);
                fd = recorder_dir_open(path, geteuid(), false);
                if (fd >= 0)
                        r = list_add_dir(l, fd, path);
        }
        return r < 0 ? r : 0;
}

int list_add_recorders(struct list *l)
{
        char path[PATH_MAX];
        int r = 0;

        for (unsigned i = 0; r == 0 && i < RECORDER_DIRS; i++) {
                _cleanup_fd_ int fd = -1;

                if (recorder_dir_path(i, geteuid(), getenv("XDG_RUNTIME_DIR"), path) < 0)
                        continue;
                fd = recorder_dir_open(path, geteuid(), false);
                if (fd >= 0)
                        r = list_add_dir(l, fd, path);
                if (fd >= 0 && r == 0)
                        r = add_runs(l, fd, path);
                if (fd < 0 && fd != -ENOENT)
                        l->refused++;
        }
        return r;
}

static int by_time(const void *a, const void *b)
{
        const struct list_item *x = a, *y = b;

        if (x->time_ns != y->time_ns)
                return x->time_ns > y->time_ns ? 1 : -1;
        return strcmp(x->path, y->path);
}

static void item_done(struct list_item *item)
{
        free(item->comm);
        free(item->path);
}

void list_sort(struct list *l)
{
        size_t kept = 0;

        if (l->n == 0)
                return;
        qsort(l->items, l->n, sizeof(*l->items), by_time);
        for (size_t i = 0; i < l->n; i++) {
                if (kept > 0 && strcmp(l->items[kept - 1].path, l->items[i].path) == 0)
                        item_done(&l->items[i]);
                else
                        l->items[kept++] = l->items[i];
        }
        l->n = kept;
}

void list_done(struct list *l)
{
        for (size_t i = 0; i < l->n; i++)
                item_done(&l->items[i]);
        free(l->items);
        *l = (struct list){0};
}
