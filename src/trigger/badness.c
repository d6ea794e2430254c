/* SPDX-License-Identifier: MIT */
#include "trigger/badness.h"

#include <errno.h>
#include <linux/oom.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scan.h"
#include "trigger/proc_text.h"

int64_t badness_points(const struct badness_facts *f, uint64_t total_pages, uint64_t page_size)
{
        if (f->oom_score_adj == OOM_SCORE_ADJ_MIN)
                return BADNESS_NEVER;
        return (int64_t)((f->rss + f->swap + f->page_tables) / page_size) +
               f->oom_score_adj * (int64_t)(total_pages / 1000);
}

uint64_t badness_total_pages(uint64_t memory, uint64_t swap, uint64_t page_size)
{
        return memory / page_size + swap / page_size;
}

int badness_facts_parse(const char *status, size_t status_len, const char *adj, size_t adj_len,
                        struct badness_facts *ret)
{
        struct scan s = scan_of(adj, adj_len);
        struct badness_facts f = {0};
        int r = kb_line_parse(status, status_len, "VmRSS:", &f.rss);

        if (r < 0)
                return r;
        /* Kernels without swap, and before 4.15, have not all of these lines. */
        kb_line_parse(status, status_len, "VmSwap:", &f.swap);
        kb_line_parse(status, status_len, "VmPTE:", &f.page_tables);
        if (!scan_int_in(&s, OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX, &f.oom_score_adj))
                return -EINVAL;
        *ret = f;
        return 0;
}

int badness_facts_read(int proc_fd, pid_t pid, struct badness_facts *ret)
{
        char name[40], status[16384], adj[16];
        struct buf status_text = BUF_FIXED(status, sizeof(status)), adj_text = BUF_FIXED(adj, sizeof(adj));
        int r;

        snprintf(name, sizeof(name), "%d/oom_score_adj", pid);
        r = file_read_at(proc_fd, name, &adj_text);
        if (r == 0) {
                snprintf(name, sizeof(name), "%d/status", pid);
                r = file_read_at(proc_fd, name, &status_text);
        }
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        return badness_facts_parse(status, status_text.len, adj, adj_text.len, ret);
}

static int by_points(const void *a, const void *b)
{
        const struct badness_rank *x = a, *y = b;

        if (x->points != y->points)
                return x->points < y->points ? 1 : -1;
        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

size_t badness_rank(int proc_fd, const pid_t *pids, size_t n, pid_t self, uint64_t total_pages,
                    struct badness_rank *ranks)
{
        uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
        size_t found = 0;

        for (size_t i = 0; i < n; i++) {
                struct badness_facts f;
                int64_t points;

                if (pids[i] == 1 || pids[i] == self || badness_facts_read(proc_fd, pids[i], &f) < 0)
                        continue;
                points = badness_points(&f, total_pages, page_size);
                if (points != BADNESS_NEVER)
                        ranks[found++] = (struct badness_rank){pids[i], points};
        }
        qsort(ranks, found, sizeof(*ranks), by_points);
        return found;
}
