/* SPDX-License-Identifier: MIT */
#include "analysis/machine/processes.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/amount.h"
#include "analysis/tsv.h"

#define ROWS_MAX ((size_t)4 << 20) /* PID_MAX_LIMIT */

static const char *text_of(const char *s)
{
        return s ? s : "";
}

static int32_t score_of(const struct scan *cell)
{
        struct scan s = *cell;
        int32_t score;

        return scan_int_in(&s, -1000, 2000, &score) && scan_left(&s) == 0 ? score : REPORT_UNKNOWN_INT;
}

int process_table_parse(const char *text, size_t len, struct pool *pool, struct process_table *ret)
{
        enum { PID, RSS, ANON, SWAP, PAGE_TABLES, SCORE, ADJ, GROUP, COMM, COLUMNS };
        static const char *const columns[COLUMNS] = {
                "pid", "rss", "anon", "swap", "page_tables", "oom_score", "oom_score_adj", "group", "comm"};
        struct scan cells[COLUMNS];
        struct process_table t = {0};
        size_t room = 0;
        struct tsv tsv;
        int r = tsv_begin(text, len, columns, COLUMNS, &tsv);

        if (r < 0)
                return r;
        while (t.n < ROWS_MAX && tsv_next(&tsv, cells)) {
                uint64_t pid = tsv_number(&cells[PID]);

                if (pid == 0 || pid > INT32_MAX)
                        continue;
                t.rows = pool_grow(pool, t.rows, t.n, t.n + 1, &room, sizeof(*t.rows));
                if (!t.rows)
                        return -ENOMEM;
                t.rows[t.n++] =
                        (struct report_machine_process){.pid = (int32_t)pid,
                                                        .rss = tsv_number(&cells[RSS]),
                                                        .anon = tsv_number(&cells[ANON]),
                                                        .swap = tsv_number(&cells[SWAP]),
                                                        .page_tables = tsv_number(&cells[PAGE_TABLES]),
                                                        .oom_score = score_of(&cells[SCORE]),
                                                        .oom_score_adj = score_of(&cells[ADJ]),
                                                        .group = tsv_text(&cells[GROUP], pool),
                                                        .comm = tsv_text(&cells[COMM], pool)};
        }
        *ret = t;
        return 0;
}

/* What a process holds, in memory and in swap. */
static uint64_t held(uint64_t rss, uint64_t swap)
{
        return amount_sum(amount_or(rss, 0), amount_or(swap, 0));
}

static int compare_amounts(uint64_t a, uint64_t b)
{
        return a != b ? (a > b ? -1 : 1) : 0;
}

static int by_size(const void *a, const void *b)
{
        const struct report_machine_process *x = a, *y = b;
        int order = compare_amounts(held(x->rss, x->swap), held(y->rss, y->swap));

        return order ? order : (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_name(const void *a, const void *b)
{
        const struct report_machine_process *x = a, *y = b;

        return strcmp(text_of(x->comm), text_of(y->comm));
}

static int by_group(const void *a, const void *b)
{
        const struct report_machine_process *x = a, *y = b;

        return strcmp(text_of(x->group), text_of(y->group));
}

static int names_by_size(const void *a, const void *b)
{
        const struct report_machine_name *x = a, *y = b;
        int order = compare_amounts(held(x->rss, x->swap), held(y->rss, y->swap));

        return order ? order : strcmp(text_of(x->comm), text_of(y->comm));
}

static void sort(struct process_table *t, int (*compare)(const void *a, const void *b))
{
        if (t->n > 1)
                qsort(t->rows, t->n, sizeof(*t->rows), compare);
}

static int fill_names(struct process_table *t, struct pool *pool, struct report_system *s)
{
        struct report_machine_name *names = t->n > 0 ? pool_alloc(pool, t->n * sizeof(*names)) : NULL;
        size_t n = 0;

        if (t->n > 0 && !names)
                return -ENOMEM;
        sort(t, by_name);
        for (size_t i = 0; i < t->n; i++) {
                const struct report_machine_process *p = &t->rows[i];

                if (n == 0 || strcmp(text_of(names[n - 1].comm), text_of(p->comm)) != 0)
                        names[n++] = (struct report_machine_name){p->comm, 0, REPORT_UNKNOWN, REPORT_UNKNOWN,
                                                                  REPORT_UNKNOWN};
                names[n - 1].processes++;
                amount_add(&names[n - 1].rss, p->rss);
                amount_add(&names[n - 1].anon, p->anon);
                amount_add(&names[n - 1].swap, p->swap);
        }
        if (n > 1)
                qsort(names, n, sizeof(*names), names_by_size);
        s->names = names;
        s->n_names = n < MACHINE_ROWS_MAX ? n : MACHINE_ROWS_MAX;
        return 0;
}

int machine_processes(struct process_table *t, struct pool *pool, struct report_system *s)
{
        int r = fill_names(t, pool, s);

        if (r < 0)
                return r;
        s->processes_seen = 0;
        s->total_rss = s->total_anon = s->total_swap = REPORT_UNKNOWN;
        for (size_t i = 0; i < t->n; i++) {
                s->processes_seen += amount_known(t->rows[i].rss);
                amount_add(&s->total_rss, t->rows[i].rss);
                amount_add(&s->total_anon, t->rows[i].anon);
                amount_add(&s->total_swap, t->rows[i].swap);
        }
        sort(t, by_size);
        s->n_processes = t->n < MACHINE_ROWS_MAX ? t->n : MACHINE_ROWS_MAX;
        /* A copy: the table is sorted again for the groups. */
        if (t->n > 0) {
                struct report_machine_process *kept = pool_alloc(pool, s->n_processes * sizeof(*kept));

                if (!kept)
                        return -ENOMEM;
                memcpy(kept, t->rows, s->n_processes * sizeof(*kept));
                s->processes = kept;
        }
        return 0;
}

/* How many processes are in the group itself; the table is sorted by group. */
static uint64_t count_in_group(const struct process_table *t, const char *path)
{
        size_t low = 0, high = t->n, n = 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(text_of(t->rows[middle].group), path) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low + n < t->n && strcmp(text_of(t->rows[low + n].group), path) == 0)
                n++;
        return n;
}

static bool lies_below(const char *path, const char *above)
{
        size_t n = strcmp(above, "/") == 0 ? 0 : strlen(above);

        return strncmp(path, above, n) == 0 && path[n] == '/';
}

/* The table has each group before those below it. */
static void subtract_children(struct report_machine_group *list, size_t n)
{
        size_t above[64], depth = 0;

        for (size_t i = 0; i < n; i++) {
                while (depth > 0 && !lies_below(list[i].path, list[above[depth - 1]].path))
                        depth--;
                if (depth > 0 && amount_known(list[i].usage))
                        list[above[depth - 1]].own = amount_less(list[above[depth - 1]].own, list[i].usage);
                if (depth < sizeof(above) / sizeof(*above))
                        above[depth++] = i;
        }
}

static int groups_by_own(const void *a, const void *b)
{
        const struct report_machine_group *x = a, *y = b;
        int order = compare_amounts(amount_or(x->own, 0), amount_or(y->own, 0));

        return order ? order : strcmp(x->path, y->path);
}

int machine_groups(const char *text, size_t len, struct process_table *t, struct pool *pool,
                   struct report_system *s)
{
        enum { GROUP, USAGE, LIMIT, COLUMNS };
        static const char *const columns[COLUMNS] = {"group", "usage", "limit"};
        struct report_machine_group *list = NULL;
        struct scan cells[COLUMNS];
        size_t n = 0, room = 0;
        struct tsv tsv;
        int r = tsv_begin(text, len, columns, COLUMNS, &tsv);

        if (r < 0)
                return r;
        while (n < ROWS_MAX && tsv_next(&tsv, cells)) {
                const char *path = tsv_text(&cells[GROUP], pool);
                uint64_t usage = tsv_number(&cells[USAGE]);

                if (!path)
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_machine_group){
                        .path = path, .usage = usage, .own = usage, .limit = tsv_number(&cells[LIMIT])};
        }
        subtract_children(list, n);
        if (n > 1)
                qsort(list, n, sizeof(*list), groups_by_own);
        s->groups = list;
        s->groups_seen = n;
        s->n_groups = n < MACHINE_ROWS_MAX ? n : MACHINE_ROWS_MAX;
        sort(t, by_group);
        for (size_t i = 0; i < s->n_groups; i++)
                list[i].processes = t->n > 0 ? count_in_group(t, list[i].path) : REPORT_UNKNOWN;
        return 0;
}
