/* SPDX-License-Identifier: MIT */
/* tree - the target's ancestors up to PID 1, and all its descendants.
 *
 * One scan of /proc gives every process's parent; the rest is in memory.  A PID that has been reused between
 * the scan and the copy is told by its start time.  Traps: comm may hold anything (stat_brief_parse), parents
 * change while we look, and a PID namespace's init has parent 0. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/number.h"
#include "capture/collect_pass.h"
#include "capture/collectors.h"
#include "capture/collectors/tree.h"

#define DESCENDANTS_MAX 4096

static int brief_read(int dirfd, const char *path, struct stat_brief *ret)
{
        char text[1024];
        struct buf b = BUF_FIXED(text, sizeof(text));
        int r = file_read_at(dirfd, path, &b);

        return r < 0 ? r : stat_brief_parse(b.data, b.len, ret);
}

static int scan(struct tree *ret)
{
        _cleanup_dir_ DIR *dir = opendir("/proc");
        struct tree t = {0};
        struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                struct stat_brief brief;
                char path[32];
                uint64_t pid;

                if (number_parse(entry->d_name, INT32_MAX, &pid) < 0)
                        continue;
                snprintf(path, sizeof(path), "%d/stat", (int)pid);
                if (brief_read(dirfd(dir), path, &brief) < 0)
                        continue;
                if (tree_add(&t, (pid_t)pid, brief.ppid, brief.start_ticks) < 0) {
                        tree_done(&t);
                        return -ENOMEM;
                }
        }
        *ret = t;
        return 0;
}

static void relative_copy(struct collect_pass *p, const struct tree_node *node)
{
        _cleanup_fd_ int dir = -1;
        struct stat_brief now;
        char where[32];

        snprintf(where, sizeof(where), "/proc/%d", node->pid);
        dir = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0 || brief_read(dir, "stat", &now) < 0 || now.start_ticks != node->start_ticks)
                return;
        for (size_t i = 0; i < p->n; i++)
                pass_copy(p, i, dir, p->rows[i].name, where + 1);
}

void relatives_collect(struct collect *c, const struct collector *rows, size_t n)
{
        _cleanup_(tree_done) struct tree tree = {0};
        _cleanup_free_ struct tree_node *relatives = NULL;
        bool more = false;
        struct collect_pass p;
        size_t count = 0;
        int r = scan(&tree);

        pass_begin(&p, c, rows, n, "proc/*");
        if (r == 0)
                r = tree_relatives(&tree, c->target->pid, c->target->ppid, DESCENDANTS_MAX, &relatives,
                                   &count, &more);
        for (size_t i = 0; i < count && !pass_over(&p); i++)
                relative_copy(&p, &relatives[i]);
        if (more)
                pass_end(&p, E2BIG, "more than 4096 descendants");
        else
                pass_end(&p, -r, NULL);
}
