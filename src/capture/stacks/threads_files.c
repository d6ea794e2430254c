/* SPDX-License-Identifier: MIT */
/* threads_files - the /proc files of every thread: /proc/PID/task/TID/{comm,stat,...}.
 *
 * One directory fd per thread, all its files through it; a thread that ends meanwhile is simply not there any
 * more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/number.h"
#include "capture/collect_pass.h"
#include "capture/collectors.h"

static void thread_copy(struct collect_pass *p, int task_fd, const char *tid)
{
        _cleanup_fd_ int dir = openat(task_fd, tid, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char where[64];

        if (dir < 0)
                return;
        snprintf(where, sizeof(where), "proc/%d/task/%.16s", p->c->target->pid, tid);
        for (size_t i = 0; i < p->n; i++)
                pass_copy(p, i, dir, p->rows[i].name, where);
}

void threads_collect(struct collect *c, const struct collector *rows, size_t n)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct collect_pass p;
        struct dirent *entry;
        char where[64];
        int r;

        snprintf(where, sizeof(where), "proc/%d/task/*", c->target->pid);
        pass_begin(&p, c, rows, n, where);
        r = dir_open_at((c->process ?: c->target)->proc_fd, "task", &dir);
        if (r < 0) {
                pass_end(&p, -r, NULL);
                return;
        }
        while (!pass_over(&p) && (entry = readdir(dir))) {
                uint64_t tid;

                if (number_parse(entry->d_name, INT32_MAX, &tid) == 0)
                        thread_copy(&p, dirfd(dir), entry->d_name);
        }
        pass_end(&p, 0, NULL);
}
