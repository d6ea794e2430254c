/* SPDX-License-Identifier: MIT */
/* threads_files - the /proc files of every thread: /proc/PID/task/TID/{comm,stat,...}.
 *
 * One directory fd per thread, all its files through it; a thread that ends meanwhile is simply not there any
 * more.  The manifest has one line per file name, not one per thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/number.h"
#include "capture/collect.h"

#define ROWS_MAX 8

static void families_begin(const struct collect *c, const struct collector *rows, size_t n,
                           struct section_family families[], char paths[][64])
{
        for (size_t i = 0; i < n; i++) {
                snprintf(paths[i], sizeof(paths[i]), "proc/%d/task/*/%s", c->target->pid, rows[i].name);
                families[i] = (struct section_family){.path = paths[i], .optional = rows[i].optional};
        }
}

void threads_collect(struct collect *c, const struct collector *rows, size_t n)
{
        struct section_family families[ROWS_MAX];
        char paths[ROWS_MAX][64];
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd = openat(c->target->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        families_begin(c, rows, n, families, paths);
        if (fd >= 0)
                dir = fdopendir(fd);
        while (dir && (entry = readdir(dir))) {
                _cleanup_fd_ int thread = -1;
                uint64_t tid;

                if (number_parse(entry->d_name, INT32_MAX, &tid) < 0)
                        continue;
                thread = openat(fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                for (size_t i = 0; thread >= 0 && i < n; i++) {
                        char path[64];

                        snprintf(path, sizeof(path), "proc/%d/task/%d/%s", c->target->pid, (int)tid,
                                 rows[i].name);
                        copy_file(c, thread, rows[i].name, path, &rows[i], &families[i]);
                }
        }
        for (size_t i = 0; i < n; i++)
                family_end(c->writer, &families[i]);
}
