/* SPDX-License-Identifier: MIT */
/* The memory cgroup: what the limit applies to. */
#include <stdlib.h>
#include <string.h>

#include "render/text/text.h"

#define STAT_ROWS    16
#define NAME_COLUMNS 15

static size_t fact_begin(const struct text *t, const char *name)
{
        size_t begin = text_begin(t);

        buf_printf(t->out, "  %-*s", NAME_COLUMNS - 2, name);
        return begin;
}

/* An amount that not every group has. */
static void add_amount(const struct text *t, const char *name, uint64_t bytes)
{
        if (bytes == REPORT_UNKNOWN)
                return;
        fact_begin(t, name);
        text_size(t, bytes);
        buf_char(t->out, '\n');
}

static void add_usage(const struct text *t, const struct report_cgroup *g)
{
        size_t begin = fact_begin(t, "usage");

        text_size(t, g->usage);
        if (g->peak != REPORT_UNKNOWN) {
                buf_str(t->out, ", at most ");
                text_size(t, g->peak);
        }
        if (g->n_processes != REPORT_UNKNOWN)
                buf_printf(t->out, ", by %llu process%s", (unsigned long long)g->n_processes,
                           g->n_processes == 1 ? "" : "es");
        text_wrap(t, begin, NAME_COLUMNS);
}

static void add_limit(const struct text *t, const struct report_cgroup *g)
{
        size_t begin = fact_begin(t, "limit");

        if (g->limit == REPORT_UNKNOWN) {
                buf_str(t->out, "none");
        } else {
                text_size(t, g->limit);
                if (g->limit_usage != REPORT_UNKNOWN) {
                        buf_str(t->out, ", used ");
                        text_size(t, g->limit_usage);
                }
                if (g->limit_path) {
                        buf_str(t->out, ", set by ");
                        text_escaped(t, g->limit_path, 400);
                }
        }
        text_wrap(t, begin, NAME_COLUMNS);
}

static void add_events(const struct text *t, const struct report_cgroup *g)
{
        size_t begin = fact_begin(t, "events");

        for (size_t i = 0; i < g->n_events; i++) {
                buf_str(t->out, i ? ", " : "");
                text_escaped(t, g->events[i].key, 40);
                if (g->events[i].value == REPORT_UNKNOWN)
                        buf_str(t->out, " ?");
                else
                        buf_printf(t->out, " %llu", (unsigned long long)g->events[i].value);
        }
        text_wrap(t, begin, NAME_COLUMNS);
}

static bool starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool has_totals(const struct report_cgroup *g)
{
        for (size_t i = 0; i < g->n_stat; i++)
                if (starts(g->stat[i].key, "total_"))
                        return true;
        return false;
}

/* The bytes of memory.stat; other keys count events or pages, or repeat a limit. v1 says everything twice,
 * for the group itself and (total_) with the groups below it, which is what its limit counts. */
static bool is_amount(const struct report_key_value *kv, bool totals)
{
        static const char *const counts[] = {"pg",    "workingset_", "thp_",   "zsw", "hierarchical_",
                                             "numa_", "swpin_",      "swpout_"};
        const char *name = kv->key;

        if (totals != starts(name, "total_"))
                return false;
        name += totals ? strlen("total_") : 0;
        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                if (starts(name, counts[i]))
                        return false;
        return kv->value != REPORT_UNKNOWN && kv->value > 0;
}

static int by_value(const void *a, const void *b)
{
        const struct report_key_value *x = *(const struct report_key_value *const *)a,
                                      *y = *(const struct report_key_value *const *)b;

        return x->value != y->value ? (x->value < y->value ? 1 : -1) : strcmp(x->key, y->key);
}

static void add_stat(const struct text *t, const struct report_cgroup *g)
{
        _cleanup_free_ const struct report_key_value **rows =
                g->n_stat ? calloc(g->n_stat, sizeof(*rows)) : NULL;
        bool totals = has_totals(g);
        size_t n = 0, shown;

        for (size_t i = 0; rows && i < g->n_stat; i++)
                if (is_amount(&g->stat[i], totals))
                        rows[n++] = &g->stat[i];
        if (n == 0)
                return;
        qsort(rows, n, sizeof(*rows), by_value);
        shown = text_rows(t, n, STAT_ROWS);
        buf_printf(t->out, "  memory.stat, the largest first%s\n", totals ? " (with the groups below)" : "");
        for (size_t i = 0; i < shown; i++) {
                buf_str(t->out, "  ");
                text_size_cell(t, rows[i]->value);
                buf_str(t->out, "  ");
                text_escaped(t, rows[i]->key + (totals ? strlen("total_") : 0), text_left(t));
                buf_char(t->out, '\n');
        }
        text_more(t, n - shown, "amounts");
}

void text_cgroup(const struct text *t)
{
        const struct report_cgroup *g = &t->r->cgroup;
        char detail[40];
        size_t begin;

        if (g->version == 0)
                return;
        snprintf(detail, sizeof(detail), "version %u", g->version);
        text_title(t, "MEMORY CGROUP", detail);
        begin = fact_begin(t, "path");
        text_escaped(t, g->path, 400);
        text_wrap(t, begin, NAME_COLUMNS);
        add_usage(t, g);
        add_limit(t, g);
        add_amount(t, "memory.high", g->high);
        add_amount(t, "swap", g->swap_usage);
        add_amount(t, "swap limit", g->swap_limit);
        if (g->n_events > 0)
                add_events(t, g);
        add_stat(t, g);
}
