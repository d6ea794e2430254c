/* SPDX-License-Identifier: MIT */
#include "analysis/thread_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/status.h"
#include "bundle/reader.h"

/* The kernel has no more (PID_MAX_LIMIT). */
#define THREADS_MAX (4u << 20)

static int compare_tids(const void *a, const void *b)
{
        const struct core_thread *x = a, *y = b;

        return (x->tid > y->tid) - (x->tid < y->tid);
}

static const char *known_how(const char *how, const void *gregs)
{
        static const char *const hows[] = {"stopped", "syscall", "witness", "none"};

        for (size_t i = 0; how && i < ARRAY_SIZE(hows); i++)
                if (strcmp(how, hows[i]) == 0)
                        return hows[i];
        return gregs ? "stopped" : "none";
}

static int from_rows(const struct thread_row *rows, size_t n_rows, const struct core *core,
                     struct thread_entry *list)
{
        size_t n = core ? core->n_threads : 0;
        _cleanup_free_ struct core_thread *by_tid = calloc(n + 1, sizeof(*by_tid));

        if (!by_tid)
                return -ENOMEM;
        if (n > 0) {
                memcpy(by_tid, core->threads, n * sizeof(*by_tid));
                qsort(by_tid, n, sizeof(*by_tid), compare_tids);
        }
        for (size_t i = 0; i < n_rows; i++) {
                const struct core_thread key = {.tid = rows[i].tid}, *found;

                found = bsearch(&key, by_tid, n, sizeof(*by_tid), compare_tids);
                list[i] = (struct thread_entry){rows[i].tid,
                                                known_how(rows[i].how, found ? found->gregs : NULL),
                                                rows[i].reason, found ? found->gregs : NULL};
                if (strcmp(list[i].how, "none") == 0)
                        list[i].gregs = NULL;
        }
        return 0;
}

int thread_list_make(const struct thread_row *rows, size_t n_rows, const struct core *core, struct pool *pool,
                     struct thread_entry **ret, size_t *ret_n)
{
        size_t n = n_rows ? n_rows : core ? core->n_threads : 0;
        struct thread_entry *list;
        int r = 0;

        if (n > THREADS_MAX)
                n = THREADS_MAX;
        list = pool_alloc(pool, n * sizeof(*list));
        if (!list)
                return -ENOMEM;
        if (n_rows > 0)
                r = from_rows(rows, n, core, list);
        else
                for (size_t i = 0; i < n; i++)
                        list[i] = (struct thread_entry){core->threads[i].tid, "stopped", NULL,
                                                        core->threads[i].gregs};
        *ret = list;
        *ret_n = n;
        return r;
}

/* A file of one line, without its newline: b is emptied before. */
static bool read_line(int dirfd, const char *name, struct buf *b)
{
        buf_reset(b);
        if (section_read(dirfd, name, b) < 0)
                return false;
        if (b->len > 0 && b->data[b->len - 1] == '\n')
                b->data[--b->len] = '\0';
        return b->len > 0;
}

int thread_files_read(int task_dirfd, struct pool *pool, struct report_thread *t)
{
        /* Larger than any of the three; what does not fit is none of them. */
        _cleanup_buf_ struct buf b = BUF_GROWING(65536);
        char name[16];
        _cleanup_fd_ int dir = -1;
        struct status status = {0};

        snprintf(name, sizeof(name), "%d", t->tid);
        dir = section_open_dir(task_dirfd, name);
        if (dir < 0)
                return 0;
        if (read_line(dir, "comm", &b) && !(t->comm = pool_strndup(pool, b.data, b.len)))
                return -ENOMEM;
        /* "0": in no kernel function, or not for our eyes. */
        if (read_line(dir, "wchan", &b) && strcmp(b.data, "0") != 0 &&
            !(t->wchan = pool_strndup(pool, b.data, b.len)))
                return -ENOMEM;
        if (read_line(dir, "status", &b)) {
                if (status_parse(b.data, b.len, pool, &status) < 0)
                        return -ENOMEM;
                t->state = status.state;
        }
        return 0;
}
