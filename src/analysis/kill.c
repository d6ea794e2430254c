/* SPDX-License-Identifier: MIT */
#include "analysis/kill.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "base/oom/oom_report.h"

/* What is unknown or without limit there is so here. */
static_assert(OOM_UNKNOWN == REPORT_UNKNOWN && OOM_UNKNOWN_INT == REPORT_UNKNOWN_INT, "one mark for unknown");

uint64_t kill_log_start(const struct manifest *m)
{
        /* The log counts as CLOCK_MONOTONIC does; the time of the boot is earlier by what the machine slept. */
        if (amount_known(m->time_ns) && amount_known(m->monotonic_ns) && m->time_ns > m->monotonic_ns)
                return m->time_ns - m->monotonic_ns;
        return m->boot_time_ns;
}

/* Keep the kill that is the target's, among equals the later one; the other is freed. */
static void choose(struct oom_kill **best, struct oom_kill *next, int32_t target_pid)
{
        /* pid 0: memory was out and nobody could be killed. */
        if (next->pid > 0 && (!*best || next->pid == target_pid || (*best)->pid != target_pid)) {
                struct oom_kill *worse = *best;

                *best = next;
                next = worse;
        }
        oom_kill_free(next);
}

static void take_events(struct oom_log *log, struct oom_kill **best, int32_t target_pid)
{
        struct oom_log_event e;

        while (oom_log_next(log, &e))
                if (e.kind == OOM_EVENT_KILL)
                        choose(best, e.kill, target_pid);
}

static int find(char *raw, size_t len, int32_t target_pid, struct oom_kill **best)
{
        _cleanup_oom_log_ struct oom_log log = {0};

        for (char *line = raw, *end = raw + len; line < end;) {
                char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t n = newline ? (size_t)(newline - line) : (size_t)(end - line);
                struct kmsg_record record;

                if (kmsg_record_parse(line, n, &record) == 0 && oom_log_feed(&log, &record) == -ENOMEM)
                        return -ENOMEM;
                take_events(&log, best, target_pid);
                line += n + (newline ? 1 : 0);
        }
        oom_log_flush(&log);
        take_events(&log, best, target_pid);
        return 0;
}

static int by_rss(const void *a, const void *b)
{
        const struct oom_task *x = *(const struct oom_task *const *)a,
                              *y = *(const struct oom_task *const *)b;
        uint64_t p = amount_or(x->rss_pages, 0), q = amount_or(y->rss_pages, 0);

        return p != q ? (p < q ? 1 : -1) : (x->pid > y->pid) - (x->pid < y->pid);
}

static int fill_tasks(const struct oom_kill *k, uint64_t page_size, struct pool *pool,
                      struct report_kill *ret)
{
        _cleanup_free_ const struct oom_task **sorted = NULL;
        struct report_kill_task *rows;
        size_t n = k->n_tasks < KILL_TASKS_MAX ? k->n_tasks : KILL_TASKS_MAX;

        ret->tasks_listed = k->n_tasks + k->tasks_left_out;
        if (n == 0)
                return 0;
        sorted = malloc(k->n_tasks * sizeof(const struct oom_task *));
        rows = pool_alloc(pool, n * sizeof(*rows));
        if (!sorted || !rows)
                return -ENOMEM;
        for (size_t i = 0; i < k->n_tasks; i++)
                sorted[i] = &k->tasks[i];
        qsort(sorted, k->n_tasks, sizeof(sorted[0]), by_rss);
        for (size_t i = 0; i < n; i++) {
                rows[i] = (struct report_kill_task){
                        .pid = sorted[i]->pid,
                        .comm = pool_strdup(pool, sorted[i]->comm),
                        .rss = amount_times(sorted[i]->rss_pages, page_size),
                        .oom_score_adj = sorted[i]->oom_score_adj,
                };
                if (!rows[i].comm)
                        return -ENOMEM;
        }
        ret->tasks = rows;
        ret->n_tasks = n;
        return 0;
}

/* The texts, NULL where the log has none. */
static int fill_texts(const struct oom_kill *k, struct pool *pool, struct report_kill *ret)
{
        const struct {
                const char *from;
                const char **to;
        } texts[] = {
                {k->comm, &ret->victim_comm},
                {k->why.trigger_comm, &ret->trigger_comm},
                {k->why.constraint, &ret->constraint},
                {k->why.group, &ret->group},
                {k->why.killed_as_group, &ret->killed_as_group},
                {k->why.gfp_mask, &ret->gfp_mask},
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                if (!*texts[i].from)
                        continue;
                *texts[i].to = pool_strdup(pool, texts[i].from);
                if (!*texts[i].to)
                        return -ENOMEM;
        }
        ret->text = pool_strndup(pool, k->text.data, k->text.len);
        return ret->text ? 0 : -ENOMEM;
}

static uint64_t register_value(const struct oom_cause *why, const char *name)
{
        for (size_t i = 0; i < why->n_registers; i++)
                if (strcmp(why->registers[i].name, name) == 0)
                        return why->registers[i].value;
        return REPORT_UNKNOWN;
}

static int describe(const struct oom_kill *k, const struct kill_context *context, struct pool *pool,
                    struct report_kill *ret)
{
        static const char *const scopes[] = {
                [OOM_SCOPE_UNKNOWN] = NULL, [OOM_SCOPE_GROUP] = "group", [OOM_SCOPE_GLOBAL] = "machine"};
        const struct oom_usage *hit = oom_kill_limit_hit(k);
        int r;

        *ret = (struct report_kill){
                .time_ns = amount_sum(k->time_ns, context->log_start_ns),
                .trigger_pid = k->why.trigger_pid,
                .trigger_pc = register_value(&k->why, "RIP"),
                .victim_pid = k->pid,
                .was_target = k->pid == context->target_pid,
                .scope = scopes[k->why.scope],
                .usage = hit->usage,
                .limit = hit->limit == OOM_UNLIMITED ? REPORT_UNKNOWN : hit->limit,
                .order = k->why.order,
                .uid = k->uid,
                .anon_rss = k->anon_rss,
                .file_rss = k->file_rss,
                .shmem_rss = k->shmem_rss,
                .total_vm = k->total_vm,
                .page_tables = k->page_tables,
                .oom_score_adj = k->oom_score_adj,
        };
        r = fill_texts(k, pool, ret);
        return r < 0 ? r : fill_tasks(k, context->page_size, pool, ret);
}

int kill_parse(char *raw, size_t len, const struct kill_context *context, struct pool *pool,
               const struct report_kill **ret)
{
        _cleanup_oom_kill_ struct oom_kill *k = NULL;
        struct report_kill *described;
        int r = find(raw, len, context->target_pid, &k);

        *ret = NULL;
        if (r < 0 || !k)
                return r;
        described = pool_alloc(pool, sizeof(*described));
        r = described ? describe(k, context, pool, described) : -ENOMEM;
        if (r == 0)
                *ret = described;
        return r;
}
