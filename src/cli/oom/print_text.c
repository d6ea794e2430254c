/* SPDX-License-Identifier: MIT */
/*   2026-11-21T05:00:00.123456Z killed PID 31548 (hog), triggered by thread 31548 (hog): 77391 pages (302
 * MiB), in group /h memory   anonymous 300 MiB, file 2.71 MiB, shared 0 B, page tables 648 KiB, virtual 306
 * MiB limit    group /h: 300 MiB of 300 MiB, hit 41 times
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/size.h"
#include "cli/oom/print.h"

#define LARGEST 5
#define SLABS   10

static void put_escaped(struct buf *out, const char *s)
{
        buf_escaped(out, s, strlen(s));
}

static void put_size(struct buf *out, const char *before, uint64_t bytes)
{
        char text[SIZE_TEXT];

        if (bytes != OOM_UNKNOWN)
                buf_printf(out, "%s%s", before, size_format(bytes, text));
}

static void put_time(struct buf *out, uint64_t time_ns)
{
        char text[CLOCK_TEXT];

        buf_str(out, clock_rfc3339(clock_realtime_of_boot(time_ns), text));
}

static void put_trigger(struct buf *out, const struct oom_cause *why)
{
        if (why->trigger_pid != OOM_UNKNOWN_INT) {
                buf_printf(out, "triggered by thread %d (", why->trigger_pid);
                put_escaped(out, why->trigger_comm);
                buf_char(out, ')');
        } else if (*why->trigger_comm) {
                buf_str(out, "triggered by (");
                put_escaped(out, why->trigger_comm);
                buf_char(out, ')');
        } else {
                buf_str(out, "trigger not logged");
        }
}

static void put_scope(struct buf *out, const struct oom_cause *why)
{
        if (why->scope == OOM_SCOPE_GLOBAL)
                buf_str(out, ", machine out of memory");
        else if (*why->group) {
                buf_str(out, ", limit of group ");
                put_escaped(out, why->group);
        } else if (why->scope == OOM_SCOPE_GROUP)
                buf_str(out, ", limit of a memory group");
}

static void put_headline(struct buf *out, const struct oom_kill *k, const struct oom_facts *facts)
{
        uint64_t rss = oom_kill_rss(k);

        put_time(out, k->time_ns);
        if (k->pid == 0) {
                buf_str(out, " out of memory and no process could be killed, ");
        } else {
                buf_printf(out, " killed PID %d (", k->pid);
                put_escaped(out, k->comm);
                buf_str(out, "), ");
        }
        put_trigger(out, &k->why);
        if (rss != OOM_UNKNOWN) {
                buf_printf(out, ": %llu pages", (unsigned long long)(rss / (uint64_t)sysconf(_SC_PAGESIZE)));
                put_size(out, " (", rss);
                buf_str(out, ") resident");
        }
        put_scope(out, &k->why);
        if (facts && *facts->load)
                buf_printf(out, ", load average %.*s", (int)strcspn(facts->load, "/"), facts->load);
        buf_char(out, '\n');
}

static void put_label(struct buf *out, const char *label)
{
        buf_printf(out, "    %-9s", label);
}

static void put_memory(struct buf *out, const struct oom_kill *k)
{
        if (k->anon_rss == OOM_UNKNOWN)
                return;
        put_label(out, "memory");
        put_size(out, "anonymous ", k->anon_rss);
        put_size(out, ", file ", k->file_rss);
        put_size(out, ", shared ", k->shmem_rss);
        put_size(out, ", page tables ", k->page_tables);
        put_size(out, ", virtual ", k->total_vm);
        if (k->uid != OOM_UNKNOWN)
                buf_printf(out, "; uid %llu", (unsigned long long)k->uid);
        if (k->oom_score_adj != OOM_UNKNOWN_INT)
                buf_printf(out, ", oom_score_adj %d", k->oom_score_adj);
        buf_char(out, '\n');
}

static void put_usage(struct buf *out, const char *what, const struct oom_usage *u)
{
        if (u->usage == OOM_UNKNOWN || u->limit == OOM_UNLIMITED)
                return;
        put_label(out, what);
        put_size(out, "", u->usage);
        put_size(out, " of ", u->limit);
        buf_printf(out, ", limit hit %llu times\n", (unsigned long long)u->failcnt);
}

static void put_cause(struct buf *out, const struct oom_kill *k)
{
        const struct oom_cause *why = &k->why;

        put_usage(out, "group", &why->memory);
        put_usage(out, "+swap", &why->memsw);
        put_usage(out, "kmem", &why->kmem);
        put_usage(out, "swap", &why->swap);
        if (why->ram_pages != OOM_UNKNOWN) {
                put_label(out, "machine");
                put_size(out, "RAM ", why->ram_pages * (uint64_t)sysconf(_SC_PAGESIZE));
                put_size(out, ", swap ", why->total_swap);
                put_size(out, ", free swap ", why->free_swap);
                buf_char(out, '\n');
        }
        if (*k->task_memcg && strcmp(k->task_memcg, why->group) != 0) {
                put_label(out, "in group");
                put_escaped(out, k->task_memcg);
                buf_char(out, '\n');
        }
        if (*why->killed_as_group) {
                put_label(out, "because");
                buf_str(out, "memory.oom.group is set in ");
                put_escaped(out, why->killed_as_group);
                buf_char(out, '\n');
        }
        if (*why->gfp_mask) {
                put_label(out, "request");
                put_escaped(out, why->gfp_mask);
                if (why->order == -1)
                        buf_str(out, ", asked for by hand (SysRq)");
                else if (why->order != OOM_UNKNOWN_INT)
                        buf_printf(out, ", order %d", why->order);
                if (*why->constraint) {
                        buf_str(out, ", ");
                        put_escaped(out, why->constraint);
                }
                buf_char(out, '\n');
        }
}

static int rss_compare(const void *a, const void *b)
{
        const struct oom_task *const *x = a, *const *y = b;
        uint64_t p = (*x)->rss_pages == OOM_UNKNOWN ? 0 : (*x)->rss_pages;
        uint64_t q = (*y)->rss_pages == OOM_UNKNOWN ? 0 : (*y)->rss_pages;

        return (p < q) - (p > q);
}

static void put_largest(struct buf *out, const struct oom_kill *k)
{
        _cleanup_free_ const struct oom_task **sorted = NULL;

        if (k->n_tasks == 0)
                return;
        sorted = malloc(k->n_tasks * sizeof(const struct oom_task *));
        if (!sorted)
                return;
        for (size_t i = 0; i < k->n_tasks; i++)
                sorted[i] = &k->tasks[i];
        qsort(sorted, k->n_tasks, sizeof(sorted[0]), rss_compare);
        put_label(out, "largest");
        for (size_t i = 0; i < k->n_tasks && i < LARGEST; i++) {
                buf_printf(out, "%s%d (", i ? ", " : "", sorted[i]->pid);
                put_escaped(out, sorted[i]->comm);
                buf_char(out, ')');
                if (sorted[i]->rss_pages != OOM_UNKNOWN)
                        put_size(out, " ", sorted[i]->rss_pages * (uint64_t)sysconf(_SC_PAGESIZE));
        }
        buf_printf(out, "; tasks in the report: %zu\n", k->n_tasks + k->tasks_left_out);
}

static void put_slabs(struct buf *out, const struct buf *slabinfo)
{
        struct oom_slab slabs[SLABS];
        size_t n = oom_slabs_largest(slabinfo, (uint64_t)sysconf(_SC_PAGESIZE), slabs, SLABS);

        for (size_t i = 0; i < n; i++) {
                buf_str(out, "        ");
                put_escaped(out, slabs[i].name);
                put_size(out, ": ", slabs[i].bytes);
                buf_printf(out, " in %llu objects\n", (unsigned long long)slabs[i].objects);
        }
}

static void put_lines(struct buf *out, const struct buf *text)
{
        struct scan rest = scan_of(text->data, text->len), line;

        while (scan_until(&rest, "\n", &line)) {
                buf_str(out, "        ");
                for (const char *tab; (tab = memchr(line.at, '\t', scan_left(&line))); line.at = tab + 1) {
                        buf_escaped(out, line.at, (size_t)(tab - line.at));
                        buf_char(out, ' ');
                }
                buf_escaped(out, line.at, scan_left(&line));
                buf_char(out, '\n');
        }
}

static void put_facts(struct buf *out, const struct oom_facts *f)
{
        if (f->left_out > 0) {
                put_label(out, "storm");
                buf_printf(out, "%u kill%s before this one had no copy of the machine's files\n", f->left_out,
                           f->left_out == 1 ? "" : "s");
        }
        for (int i = 0; i < OOM_FACT_COUNT; i++) {
                if (!f->fact[i].wanted)
                        continue;
                put_label(out, oom_fact_names[i]);
                if (*f->fact[i].missing) {
                        buf_printf(out, "missing: %s\n", f->fact[i].missing);
                        continue;
                }
                buf_printf(out, "%.1f ms after the kill\n", (double)f->fact[i].age_ns / (double)NS_PER_MS);
                if (i == OOM_FACT_SLABINFO)
                        put_slabs(out, &f->fact[i].text);
                else
                        put_lines(out, &f->fact[i].text);
        }
}

void oom_print_text(struct buf *out, const struct oom_log_event *e, const struct oom_facts *facts)
{
        if (e->kind == OOM_EVENT_REAPED) {
                put_time(out, e->time_ns);
                buf_printf(out, " reaped PID %d (", e->reaped.pid);
                put_escaped(out, e->reaped.comm);
                buf_str(out, "): not dead yet, the kernel took its memory\n");
                return;
        }
        put_headline(out, e->kill, facts);
        put_memory(out, e->kill);
        put_cause(out, e->kill);
        put_largest(out, e->kill);
        if (e->kill->lost > 0) {
                put_label(out, "lost");
                buf_printf(out, "%llu records of this report\n", (unsigned long long)e->kill->lost);
        }
        if (facts)
                put_facts(out, facts);
}
