/* SPDX-License-Identifier: MIT */
#include "base/group_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/scan.h"

#define DEPTH_MAX  64
#define PROCS_MAX  ((size_t)32 << 20) /* four million PIDs, PID_MAX_LIMIT */
#define MOUNTS_MAX ((size_t)4 << 20)

int group_procs_parse(const char *text, size_t len, struct pid_list *l)
{
        struct scan s = scan_of(text, len);
        int32_t pid;

        while (scan_left(&s) > 0) {
                if (scan_int(&s, &pid) && pid > 0 && pid_list_add(l, pid) < 0)
                        return -ENOMEM;
                if (!scan_find(&s, "\n"))
                        break;
        }
        return 0;
}

/* `path` holds the directory's name and is changed below its first `len` bytes. */
static int walk(char path[PATH_MAX], size_t len, int depth, int (*visit)(const char *path, void *arg),
                void *arg)
{
        _cleanup_dir_ DIR *dir = opendir(path);
        struct dirent *entry;
        int r;

        if (!dir)
                return depth == 0 ? -errno : 0;
        r = visit(path, arg);
        while (r == 0 && depth < DEPTH_MAX && (entry = readdir(dir))) {
                size_t n = strlen(entry->d_name);

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || len + 1 + n >= PATH_MAX)
                        continue;
                path[len] = '/';
                memcpy(path + len + 1, entry->d_name, n + 1);
                r = walk(path, len + 1 + n, depth + 1, visit, arg);
                path[len] = '\0';
        }
        return r;
}

int group_walk(const char *dir, int (*visit)(const char *path, void *arg), void *arg)
{
        char path[PATH_MAX];
        size_t len = strlen(dir);

        if (len >= sizeof(path))
                return -ENAMETOOLONG;
        memcpy(path, dir, len + 1);
        return walk(path, len, 0, visit, arg);
}

static int add_processes(const char *path, void *arg)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(PROCS_MAX);
        struct pid_list *l = arg;
        char file[PATH_MAX + 16];

        snprintf(file, sizeof(file), "%s/cgroup.procs", path);
        /* EOPNOTSUPP in a threaded group of v2: its processes stand in the group above.  ENODEV: it is being removed. */
        if (file_read_at(AT_FDCWD, file, &text) < 0 || !text.data)
                return 0;
        return group_procs_parse(text.data, text.len, l);
}

int group_processes(const char *dir, struct pid_list *l)
{
        int r = group_walk(dir, add_processes, l);

        pid_list_sort(l);
        return r;
}

int group_root(struct memory_group *ret, struct diag *d)
{
        _cleanup_buf_ struct buf mounts = BUF_GROWING(MOUNTS_MAX);
        int r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", &mounts);

        if (r == 0 && mounts.data) {
                r = memory_group_parse("1:memory:/\n", mounts.data, ret);
                if (r == -ENOENT)
                        r = memory_group_parse("0::/\n", mounts.data, ret);
        }
        /* In a container only the part with our own group may be mounted. */
        if (r == -ENOENT) {
                _cleanup_fd_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                r = self < 0 ? -errno : memory_group_find(self, ret);
                while (r == 0 && memory_group_up(ret))
                        ;
        }
        if (r < 0)
                return diag_set(d, r, "no memory controller of cgroups is mounted here");
        return 0;
}

static bool is_dir(const struct memory_group *g)
{
        char path[2 * PATH_MAX];
        struct stat st;

        snprintf(path, sizeof(path), "%s%s", g->mount, g->path);
        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The group at `path` below the root `g` of what is mounted, which is changed to it. */
static int descend(struct memory_group *g, const char *path)
{
        size_t len = strlen(path), kernel = strcmp(g->kernel, "/") == 0 ? 0 : strlen(g->kernel);

        while (len > 0 && path[len - 1] == '/')
                len--;
        if (len == 0)
                return 0;
        if (kernel + len >= PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(g->path, path, len);
        g->path[len] = '\0';
        memcpy(g->kernel + kernel, path, len);
        g->kernel[kernel + len] = '\0';
        return 0;
}

struct search {
        const char *name;
        char found[PATH_MAX];
        unsigned n;
};

static int compare_name(const char *path, void *arg)
{
        struct search *s = arg;

        if (strcmp(strrchr(path, '/') + 1, s->name) == 0 && s->n++ == 0)
                snprintf(s->found, sizeof(s->found), "%s", path);
        return 0;
}

static int find_by_name(struct memory_group *g, const char *name, struct diag *d)
{
        struct search s = {.name = name};
        int r = group_walk(g->mount, compare_name, &s);

        if (r == 0 && s.n == 1)
                return descend(g, s.found + strlen(g->mount));
        if (s.n > 1)
                return diag_set(d, -ENOTUNIQ,
                                "%u memory groups are called '%.200s'; give the path of one, as in %.200s",
                                s.n, name, s.found + strlen(g->mount));
        return diag_set(d, -ENOENT, "no memory group is called '%.200s' below %.200s", name, g->mount);
}

int group_find(const char *name, struct memory_group *ret, struct diag *d)
{
        struct memory_group g;
        int r = group_root(&g, d);
        size_t mount, kernel;

        if (r < 0)
                return r;
        mount = strlen(g.mount);
        kernel = strcmp(g.kernel, "/") == 0 ? 0 : strlen(g.kernel);
        if (*name == '\0')
                return diag_set(d, -EINVAL, "the group's name is empty");
        if (strstr(name, "/../") || strcmp(strrchr(name, '/') ? strrchr(name, '/') + 1 : name, "..") == 0)
                return diag_set(d, -EINVAL, "'%.200s': a group's name has no '..' in it", name);
        if (!strchr(name, '/')) {
                r = find_by_name(&g, name, d);
        } else if (*name != '/') {
                r = diag_set(d, -EINVAL, "'%.200s' is no path of a group; it begins with /", name);
        } else if (strncmp(name, g.mount, mount) == 0 && (name[mount] == '/' || name[mount] == '\0')) {
                r = descend(&g, name + mount);
        } else if (strncmp(name, g.kernel, kernel) == 0 && (name[kernel] == '/' || name[kernel] == '\0')) {
                r = descend(&g, name + kernel);
        } else {
                r = diag_set(d, -ENOENT, "no memory group %.200s can be seen here: what is mounted is %.200s",
                             name, g.kernel);
        }
        if (r == -ENAMETOOLONG)
                diag_set(d, r, "%.60s…: %s", name, strerror(ENAMETOOLONG));
        if (r < 0)
                return r;
        if (!is_dir(&g))
                return diag_set(d, -ENOENT, "no memory group %.200s: there is no directory %.200s%.200s",
                                name, g.mount, g.path);
        *ret = g;
        return 0;
}
