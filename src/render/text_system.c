/* SPDX-License-Identifier: MIT */
/* What lies around the process: its memory cgroup, the machine, the time before, and what could not be had. */
#include <string.h>

#include "base/clock.h"
#include "render/text.h"

#define STAT_ROWS    16
#define SLAB_ROWS    10
#define HISTORY_ROWS 24
#define MISSING_ROWS 200

static void add_limit(const struct text *t, const char *name, uint64_t bytes)
{
        buf_printf(t->out, "  %-12s ", name);
        if (bytes == REPORT_UNKNOWN)
                buf_str(t->out, "none");
        else
                text_size(t, bytes);
}

static int by_value(const void *a, const void *b)
{
        const struct report_key_value *const *x = a, *const *y = b;

        return (*x)->value < (*y)->value ? 1 : (*x)->value > (*y)->value ? -1 : strcmp((*x)->key, (*y)->key);
}

/* Keys of memory.stat that count events or pages, not bytes; v1's total_ rows repeat the group's own for leaf groups. */
static bool is_amount(const struct report_key_value *kv)
{
        static const char *const counts[] = {"pg",   "workingset_", "total_pg",      "total_workingset_",
                                             "thp_", "zsw",         "hierarchical_", "numa_"};

        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                if (strncmp(kv->key, counts[i], strlen(counts[i])) == 0)
                        return false;
        return kv->value != REPORT_UNKNOWN && kv->value > 0;
}

static void add_stat(const struct text *t, const struct report_cgroup *g)
{
        _cleanup_free_ const struct report_key_value **rows =
                g->n_stat ? calloc(g->n_stat, sizeof(*rows)) : NULL;
        size_t n = 0;

        for (size_t i = 0; rows && i < g->n_stat; i++)
                if (is_amount(&g->stat[i]))
                        rows[n++] = &g->stat[i];
        if (n == 0)
                return;
        qsort(rows, n, sizeof(*rows), by_value);
        buf_str(t->out, "  memory.stat, largest first:\n");
        for (size_t i = 0; i < n && i < STAT_ROWS; i++) {
                buf_str(t->out, "    ");
                text_size_cell(t, rows[i]->value);
                buf_str(t->out, "  ");
                text_escaped(t, rows[i]->key, 40);
                buf_char(t->out, '\n');
        }
}

void text_cgroup(const struct text *t)
{
        const struct report_cgroup *g = &t->r->cgroup;
        char detail[40];

        if (g->version == 0)
                return;
        snprintf(detail, sizeof(detail), "version %u", g->version);
        text_title(t, "MEMORY CGROUP", detail);
        buf_str(t->out, "  path         ");
        text_escaped_tail(t, g->path, t->style->width - 16);
        buf_str(t->out, "\n  usage        ");
        text_size(t, g->usage);
        if (g->peak != REPORT_UNKNOWN) {
                buf_str(t->out, ", at most ");
                text_size(t, g->peak);
        }
        if (g->n_processes != REPORT_UNKNOWN)
                buf_printf(t->out, ", by %llu process%s", (unsigned long long)g->n_processes,
                           g->n_processes == 1 ? "" : "es");
        buf_char(t->out, '\n');
        add_limit(t, "limit", g->limit);
        if (g->limit != REPORT_UNKNOWN && g->limit_path) {
                buf_str(t->out, ", set by ");
                text_escaped_tail(t, g->limit_path, 80);
        }
        buf_char(t->out, '\n');
        if (g->high != REPORT_UNKNOWN) {
                add_limit(t, "memory.high", g->high);
                buf_char(t->out, '\n');
        }
        if (g->swap_usage != REPORT_UNKNOWN && g->swap_usage > 0) {
                add_limit(t, "swap", g->swap_usage);
                buf_char(t->out, '\n');
        }
        if (g->n_events > 0) {
                buf_str(t->out, "  events      ");
                for (size_t i = 0; i < g->n_events; i++) {
                        buf_char(t->out, ' ');
                        text_escaped(t, g->events[i].key, 30);
                        if (g->events[i].value == REPORT_UNKNOWN)
                                buf_str(t->out, " ?");
                        else
                                buf_printf(t->out, " %llu", (unsigned long long)g->events[i].value);
                }
                buf_char(t->out, '\n');
        }
        add_stat(t, g);
}

static uint64_t meminfo(const struct report *r, const char *key)
{
        for (size_t i = 0; i < r->system.n_meminfo; i++)
                if (strcmp(r->system.meminfo[i].key, key) == 0)
                        return r->system.meminfo[i].value;
        return REPORT_UNKNOWN;
}

void text_system(const struct text *t)
{
        static const char *const keys[] = {"MemTotal",   "MemAvailable", "MemFree",      "AnonPages",
                                           "Cached",     "Shmem",        "Slab",         "SReclaimable",
                                           "SUnreclaim", "PageTables",   "KernelStack",  "Dirty",
                                           "SwapTotal",  "SwapFree",     "Committed_AS", "CommitLimit"};
        const struct report *r = t->r;

        if (r->system.n_meminfo == 0)
                return;
        text_title(t, "THE MACHINE", NULL);
        if (r->system.verdict) {
                buf_str(t->out, "  ");
                text_escaped(t, r->system.verdict, t->style->width * 3);
                buf_char(t->out, '\n');
        }
        for (size_t i = 0, column = 0; i < ARRAY_SIZE(keys); i++) {
                uint64_t value = meminfo(r, keys[i]);

                if (value == REPORT_UNKNOWN)
                        continue;
                buf_printf(t->out, "  %-12s ", keys[i]);
                text_size_cell(t, value);
                if (++column % 3 == 0 || i + 1 == ARRAY_SIZE(keys))
                        buf_char(t->out, '\n');
        }
        for (size_t i = 0; i < r->system.n_slabs && i < SLAB_ROWS; i++) {
                if (i == 0)
                        buf_str(t->out, "  largest slabs:\n");
                buf_str(t->out, "    ");
                text_size_cell(t, r->system.slabs[i].bytes);
                buf_printf(t->out, " %10llu objects  ", (unsigned long long)r->system.slabs[i].objects);
                text_escaped(t, r->system.slabs[i].name, 40);
                buf_char(t->out, '\n');
        }
}

void text_history(const struct text *t)
{
        const struct report *r = t->r;
        size_t step = (r->n_history + HISTORY_ROWS - 1) / HISTORY_ROWS;
        char detail[120];

        if (r->n_history == 0)
                return;
        snprintf(detail, sizeof(detail), "%zu samples, every %zu%s shown", r->n_history, step,
                 step == 1   ? "st"
                 : step == 2 ? "nd"
                             : "th");
        text_title(t, "BEFORE THE CAPTURE", step > 1 ? detail : NULL);
        buf_printf(t->out, "  %14s %*s %*s %*s %*s %*s %*s %*s\n", "time", SIZE_COLUMNS, "RSS", SIZE_COLUMNS,
                   "anon", SIZE_COLUMNS, "file", SIZE_COLUMNS, "shmem", SIZE_COLUMNS, "swap", SIZE_COLUMNS,
                   "group", SIZE_COLUMNS, "available");
        for (size_t i = 0; i < r->n_history; i++) {
                const struct report_sample *s = &r->history[i];
                const uint64_t values[] = {s->rss,  s->anon,        s->file,     s->shmem,
                                           s->swap, s->group_usage, s->available};

                /* Counted from the end: the last sample is always there. */
                if ((r->n_history - 1 - i) % step != 0)
                        continue;
                if (r->time_ns != REPORT_UNKNOWN && s->time_ns != REPORT_UNKNOWN)
                        buf_printf(t->out, "  %+12.3f s", ((double)s->time_ns - (double)r->time_ns) / 1e9);
                else
                        buf_printf(t->out, "  %14s", "?");
                for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
                        buf_char(t->out, ' ');
                        text_size_cell(t, values[k]);
                }
                buf_char(t->out, '\n');
        }
}

void text_missing(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = 0;

        if (r->n_missing == 0)
                return;
        text_title(t, "MISSING",
                   "what could not be had, and why; (optional): not every kernel or user has it");
        for (int optional = 0; optional < 2; optional++)
                for (size_t i = 0; i < r->n_missing && shown < MISSING_ROWS; i++) {
                        if (r->missing[i].optional != (bool)optional)
                                continue;
                        buf_str(t->out, "  ");
                        text_escaped(t, r->missing[i].section, 60);
                        buf_str(t->out, optional ? " (optional): " : ": ");
                        text_escaped(t, r->missing[i].reason, 300);
                        buf_char(t->out, '\n');
                        shown++;
                }
        if (r->n_missing > shown)
                buf_printf(t->out, "  … %zu more in report.json\n", r->n_missing - shown);
}
