/* SPDX-License-Identifier: MIT */
/* cgroup - the files of the target's memory cgroup and of every group above it.
 *
 * In the bundle the group keeps the name that /proc/PID/cgroup gives it, wherever its hierarchy is mounted.
 * What is not for reading (memory.reclaim, memory.force_empty, cgroup.event_control) says so in its mode;
 * that is looked at first, because root may open anything. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory_group.h"
#include "capture/collect_pass.h"
#include "capture/collectors.h"

void cgroup_bundle_path(const struct memory_group *g, char out[PATH_MAX])
{
        size_t n = (size_t)snprintf(out, PATH_MAX, "sys/fs/cgroup%s", g->version == 1 ? "/memory" : "");

        for (const char *p = g->kernel; *p;) {
                const char *name = p + strspn(p, "/");
                size_t len = strcspn(name, "/");
                bool up = len == 2 && memcmp(name, "..", 2) == 0;

                if (len > 0 && n + len + strlen("/@parent") < PATH_MAX)
                        n += (size_t)snprintf(out + n, PATH_MAX - n, "/%.*s", up ? 7 : (int)len,
                                              up ? "@parent" : name);
                p = name + len;
        }
}

static bool is_readable(int dirfd, const char *name)
{
        struct stat st;

        return strcmp(name, "memory.pressure_level") != 0 &&
               fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
               (st.st_mode & 0444);
}

static void group_copy(struct collect *c, const struct collector *rows, size_t n,
                       const struct memory_group *g)
{
        _cleanup_dir_ DIR *dir = NULL;
        char from[2 * PATH_MAX], where[PATH_MAX];
        struct collect_pass p;
        struct dirent *entry;

        cgroup_bundle_path(g, where);
        pass_begin(&p, c, rows, n, where);
        snprintf(from, sizeof(from), "%s%s", g->mount, g->path);
        dir = opendir(from);
        if (!dir) {
                pass_end(&p, errno, NULL);
                return;
        }
        while (!pass_over(&p) && (entry = readdir(dir)))
                for (size_t i = 0; i < p.n; i++)
                        if (fnmatch(rows[i].name, entry->d_name, FNM_PERIOD) == 0 &&
                            is_readable(dirfd(dir), entry->d_name))
                                pass_copy(&p, i, dirfd(dir), entry->d_name, where);
        pass_end(&p, 0, NULL);
}

void groups_collect(struct collect *c, const struct collector *rows, size_t n)
{
        struct memory_group g;
        int r = c->group ? 0 : memory_group_find(c->target->proc_fd, &g);

        if (c->group)
                g = *c->group;

        if (r < 0) {
                section_missing(c->writer, "sys/fs/cgroup", true, -r,
                                r == -ENOENT ? "the memory cgroup is not mounted where we could see it"
                                             : NULL);
                return;
        }
        do
                group_copy(c, rows, n, &g);
        while (memory_group_up(&g));
}
