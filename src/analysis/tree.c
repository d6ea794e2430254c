/* SPDX-License-Identifier: MIT */
#include "analysis/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/maps.h"
#include "analysis/status.h"
#include "base/target.h"
#include "bundle/reader.h"

#define TEXT_MAX 65536 /* each of these files is less than a page or two */

static const char *read_comm(int dir, struct pool *pool, struct buf *b)
{
        buf_reset(b);
        if (section_read(dir, "comm", b) < 0 || b->len == 0)
                return NULL;
        /* One newline is the kernel's, others may be the name's. */
        return pool_strndup(pool, b->data, b->len - (b->data[b->len - 1] == '\n'));
}

static void take_rollup(int dir, struct buf *b, struct report_process_row *row)
{
        struct smaps_total total;

        buf_reset(b);
        if (section_read(dir, "smaps_rollup", b) < 0)
                return;
        smaps_rollup_parse(b->data, b->len, &total);
        row->rss = total.rss;
        row->pss = total.pss;
        row->uss = amount_sum(total.private_clean, total.private_dirty);
        row->swap = total.swap;
}

static int read_row(struct source *s, int dir, int32_t pid, struct buf *b, struct report_process_row *ret)
{
        struct report_process_row row = {
                .pid = pid,
                .ppid = REPORT_UNKNOWN_INT,
                .rss = REPORT_UNKNOWN,
                .pss = REPORT_UNKNOWN,
                .uss = REPORT_UNKNOWN,
                .swap = REPORT_UNKNOWN,
                .oom_score = source_read_int(dir, "oom_score", 0, 2000),
                .oom_score_adj = source_read_int(dir, "oom_score_adj", -1000, 1000),
        };
        struct stat_brief brief;
        struct status status;

        take_rollup(dir, b, &row);
        buf_reset(b);
        if (section_read(dir, "status", b) == 0) {
                if (status_parse(b->data, b->len, s->pool, &status) < 0)
                        return -ENOMEM;
                if (!amount_known(row.rss))
                        row.rss = status.vm_rss;
                if (!amount_known(row.swap))
                        row.swap = status.vm_swap;
                if (status.ppid <= INT32_MAX)
                        row.ppid = (int32_t)status.ppid;
        }
        row.comm = read_comm(dir, s->pool, b);
        buf_reset(b);
        if (section_read(dir, "stat", b) == 0 && stat_brief_parse(b->data, b->len, &brief) == 0) {
                row.ppid = brief.ppid;
                if (!amount_known(row.rss))
                        row.rss = amount_times(brief.rss_pages, s->page_size);
                if (!row.comm)
                        row.comm = pool_strdup(s->pool, brief.comm);
        }
        *ret = row;
        return 0;
}

int tree_read(struct source *s, struct report_process_row **ret, size_t *ret_n)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(TEXT_MAX);
        _cleanup_fd_ int proc = section_open_dir(s->bundle, "proc");
        _cleanup_free_ int32_t *pids = NULL;
        struct report_process_row *rows;
        size_t n_pids, n = 0;
        int r;

        if (proc < 0)
                return proc;
        r = section_list_ids(proc, TREE_MAX, &pids, &n_pids);
        if (r < 0)
                return r;
        rows = pool_alloc(s->pool, (n_pids + 1) * sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < n_pids; i++) {
                _cleanup_fd_ int dir = -1;
                char name[16];

                snprintf(name, sizeof(name), "%d", pids[i]);
                dir = section_open_dir(proc, name);
                if (dir < 0)
                        continue;
                r = read_row(s, dir, pids[i], &b, &rows[n]);
                if (r < 0)
                        return r;
                n++;
        }
        r = tree_order(rows, n, s->pid);
        if (r < 0)
                return r;
        *ret = rows;
        *ret_n = n;
        return 0;
}

#define NOBODY SIZE_MAX

static size_t find_pid(const struct report_process_row *rows, size_t n, int32_t pid)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (rows[middle].pid < pid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < n && rows[low].pid == pid ? low : NOBODY;
}

struct family { /* of one row: indices into the rows */
        size_t parent, first_child, next_sibling;
        bool placed;
};

int tree_order(struct report_process_row *rows, size_t n, int32_t self)
{
        _cleanup_free_ struct report_process_row *ordered = calloc(n + 1, sizeof(*ordered));
        _cleanup_free_ struct family *family = calloc(n + 1, sizeof(*family));
        size_t used = 0, at, i_self = find_pid(rows, n, self);

        if (!ordered || !family)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                family[i] = (struct family){NOBODY, NOBODY, NOBODY, false};
        for (size_t i = n; i-- > 0;) { /* backwards: siblings end up by PID */
                size_t parent = find_pid(rows, n, rows[i].ppid);

                if (parent == NOBODY || parent == i)
                        continue;
                family[i].parent = parent;
                family[i].next_sibling = family[parent].first_child;
                family[parent].first_child = i;
        }
#define PLACE(i, as) (family[i].placed = true, ordered[used] = rows[i], ordered[used++].relation = (as))
        if (i_self != NOBODY) {
                PLACE(i_self, TREE_SELF);
                for (at = family[i_self].parent; at != NOBODY && !family[at].placed; at = family[at].parent)
                        PLACE(at, TREE_ANCESTOR);
                /* Depth first without a stack: down to a child, else to the next sibling of the nearest above. */
                at = family[i_self].first_child;
                while (at != NOBODY) {
                        size_t next = NOBODY;

                        if (!family[at].placed) {
                                PLACE(at, TREE_DESCENDANT);
                                next = family[at].first_child;
                        }
                        while (next == NOBODY && at != i_self && at != NOBODY) {
                                next = family[at].next_sibling;
                                at = family[at].parent;
                        }
                        at = next;
                }
        }
        for (size_t i = 0; i < n; i++)
                if (!family[i].placed)
                        PLACE(i, TREE_DESCENDANT);
#undef PLACE
        memcpy(rows, ordered, n * sizeof(*rows));
        return 0;
}
