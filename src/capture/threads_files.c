/* SPDX-License-Identifier: MIT */
/* threads_files - the /proc files of every thread, those of one name in one section (base/gathered.h).
 *
 * One after the other name, so that all threads' stat is of nearly one instant.  A thread that ends meanwhile
 * is simply not there any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "capture/collectors.h"

static void entry_write(struct collect *c, uint64_t tid, const char *data, size_t n)
{
        char head[48];

        section_write(c->writer, head, (size_t)snprintf(head, sizeof(head), "%d %zu\n", (int)tid, n));
        section_write(c->writer, data, n);
        section_write(c->writer, "\n", 1);
}

/* 0, or a positive errno; a thread that has ended is none. */
static int thread_copy(struct collect *c, int task_fd, uint64_t tid, const char *name)
{
        _cleanup_fd_ int fd = -1;
        char path[64];
        ssize_t n;

        snprintf(path, sizeof(path), "%d/%.32s", (int)tid, name);
        fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, c->buffer, COLLECT_BUFFER);
        if (n < 0)
                return errno == ENOENT || errno == ESRCH ? 0 : errno;
        entry_write(c, tid, c->buffer, (size_t)n);
        return 0;
}

struct failures {
        unsigned n;
        int err; /* the first */
        bool late;
};

static int all_copy(struct collect *c, const char *name, struct failures *ret)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd = openat(c->target->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while (!ret->late && (entry = readdir(dir))) {
                uint64_t tid;
                int err;

                if (number_parse(entry->d_name, INT32_MAX, &tid) < 0)
                        continue;
                err = thread_copy(c, fd, tid, name);
                if (err && ret->n++ == 0)
                        ret->err = err;
                ret->late = clock_monotonic_ns() > c->progress->deadline_ns;
        }
        return 0;
}

static void name_collect(struct collect *c, const struct collector *row)
{
        struct failures failures = {0};
        char path[64], reason[64];
        int r;

        snprintf(path, sizeof(path), "proc/%d/task/%.32s", c->target->pid, row->name);
        section_begin(c->writer, path, row->optional);
        r = all_copy(c, row->name, &failures);
        snprintf(reason, sizeof(reason), "of %u threads: %s", failures.n, strerror(failures.err));
        if (collect_target_died(c))
                section_end(c->writer, SECTION_TARGET_DIED, ESRCH, "the process ended meanwhile");
        else if (r < 0)
                section_end(c->writer, SECTION_MISSING, -r, NULL);
        else if (failures.late)
                section_end(c->writer, SECTION_CUT, ETIME, "took too long, the other threads are missing");
        else if (failures.n > 0)
                section_end(c->writer, SECTION_CUT, failures.err, reason);
        else
                section_end(c->writer, SECTION_OK, 0, NULL);
}

void threads_collect(struct collect *c, const struct collector *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                name_collect(c, &rows[i]);
}
