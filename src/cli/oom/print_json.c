/* SPDX-License-Identifier: MIT */
/* The keys are report.json's for a kill, and more of them; docs/oom.md lists them. */
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "cli/oom/print.h"

#define SLABS 10

static void put_uint(struct json_out *j, const char *key, uint64_t value)
{
        if (value == OOM_UNKNOWN || value == OOM_UNLIMITED)
                json_put_null(j, key);
        else
                json_put_uint(j, key, value);
}

static void put_int(struct json_out *j, const char *key, int32_t value)
{
        if (value == OOM_UNKNOWN_INT)
                json_put_null(j, key);
        else
                json_put_int(j, key, value);
}

static void put_pages(struct json_out *j, const char *key, uint64_t pages)
{
        uint64_t bytes;

        if (pages == OOM_UNKNOWN || __builtin_mul_overflow(pages, (uint64_t)sysconf(_SC_PAGESIZE), &bytes))
                json_put_null(j, key);
        else
                json_put_uint(j, key, bytes);
}

static void put_text(struct json_out *j, const char *key, const char *value)
{
        json_put_string(j, key, *value ? value : NULL);
}

static void put_time(struct json_out *j, uint64_t time_ns)
{
        char text[CLOCK_TEXT];

        json_put_string(j, "time", clock_rfc3339(clock_realtime_of_boot(time_ns), text));
        json_put_uint(j, "since_boot_ns", time_ns);
}

static void put_usage(struct json_out *j, const char *key, const struct oom_usage *u)
{
        if (u->usage == OOM_UNKNOWN) {
                json_put_null(j, key);
                return;
        }
        json_put_object_begin(j, key);
        json_put_uint(j, "usage", u->usage);
        put_uint(j, "limit", u->limit);
        json_put_uint(j, "failcnt", u->failcnt);
        json_put_object_end(j);
}

static void put_cause(struct json_out *j, const struct oom_cause *why)
{
        put_int(j, "trigger_pid", why->trigger_pid);
        put_text(j, "trigger_comm", why->trigger_comm);
        put_int(j, "trigger_oom_score_adj", why->trigger_oom_score_adj);
        put_text(j, "constraint", why->constraint);
        if (why->scope == OOM_SCOPE_UNKNOWN)
                json_put_null(j, "global");
        else
                json_put_bool(j, "global", why->scope == OOM_SCOPE_GLOBAL);
        put_text(j, "group", why->group);
        put_text(j, "killed_as_group", why->killed_as_group);
        put_text(j, "gfp_mask", why->gfp_mask);
        put_int(j, "order", why->order);
        put_usage(j, "memory", &why->memory);
        put_usage(j, "memory_and_swap", &why->memsw);
        put_usage(j, "kernel_memory", &why->kmem);
        put_usage(j, "swap", &why->swap);
        put_pages(j, "machine_ram", why->ram_pages);
        put_uint(j, "machine_swap", why->total_swap);
        put_uint(j, "machine_free_swap", why->free_swap);
        json_put_object_begin(j, "trigger_registers");
        for (size_t i = 0; i < why->n_registers; i++) {
                char value[24];

                snprintf(value, sizeof(value), "0x%llx", (unsigned long long)why->registers[i].value);
                json_put_string(j, why->registers[i].name, value);
        }
        json_put_object_end(j);
}

static void put_victim(struct json_out *j, const struct oom_kill *k)
{
        uint64_t rss = oom_kill_rss(k);

        put_int(j, "victim_pid", k->pid == 0 ? OOM_UNKNOWN_INT : k->pid);
        put_text(j, "victim_comm", k->comm);
        put_text(j, "task_memcg", k->task_memcg);
        put_uint(j, "uid", k->uid);
        put_int(j, "oom_score_adj", k->oom_score_adj);
        put_uint(j, "rss", rss);
        put_uint(j, "rss_pages", rss == OOM_UNKNOWN ? rss : rss / (uint64_t)sysconf(_SC_PAGESIZE));
        put_uint(j, "anon_rss", k->anon_rss);
        put_uint(j, "file_rss", k->file_rss);
        put_uint(j, "shmem_rss", k->shmem_rss);
        put_uint(j, "total_vm", k->total_vm);
        put_uint(j, "page_tables", k->page_tables);
}

static void put_tasks(struct json_out *j, const struct oom_kill *k)
{
        json_put_array_begin(j, "tasks");
        for (size_t i = 0; i < k->n_tasks; i++) {
                const struct oom_task *t = &k->tasks[i];

                json_put_object_begin(j, NULL);
                json_put_int(j, "pid", t->pid);
                put_int(j, "tgid", t->tgid);
                json_put_string(j, "comm", t->comm);
                put_uint(j, "uid", t->uid);
                put_pages(j, "total_vm", t->total_vm_pages);
                put_pages(j, "rss", t->rss_pages);
                put_pages(j, "anon_rss", t->rss_anon_pages);
                put_pages(j, "file_rss", t->rss_file_pages);
                put_pages(j, "shmem_rss", t->rss_shmem_pages);
                put_uint(j, "page_tables", t->page_tables_bytes);
                put_pages(j, "swap", t->swap_pages);
                put_int(j, "oom_score_adj", t->oom_score_adj);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_uint(j, "tasks_left_out", k->tasks_left_out);
}

/* "MemTotal:       24683520 kB" as "MemTotal": 25275924480; counts (HugePages_*) as they are. */
static void put_meminfo(struct json_out *j, const struct buf *text)
{
        struct scan rest = scan_of(text->data, text->len), line;

        while (scan_until(&rest, "\n", &line)) {
                struct scan name;
                uint64_t value;
                char key[64];

                if (!scan_until(&line, ":", &name))
                        continue;
                scan_blanks(&line);
                if (!scan_number(&line, &value))
                        continue;
                scan_copy(&name, key, sizeof(key));
                json_put_uint(j, key, scan_word(&line, " kB") ? value * 1024 : value);
        }
}

static void put_slabs(struct json_out *j, const struct buf *text)
{
        struct oom_slab slabs[SLABS];
        size_t n = oom_slabs_largest(text, (uint64_t)sysconf(_SC_PAGESIZE), slabs, SLABS);

        json_put_array_begin(j, "largest");
        for (size_t i = 0; i < n; i++) {
                json_put_object_begin(j, NULL);
                json_put_string(j, "name", slabs[i].name);
                json_put_uint(j, "bytes", slabs[i].bytes);
                json_put_uint(j, "objects", slabs[i].objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_facts(struct json_out *j, const struct oom_facts *f)
{
        json_put_uint(j, "left_out", f->left_out);
        for (int i = 0; i < OOM_FACT_COUNT; i++) {
                const struct buf *text = &f->fact[i].text;

                if (!f->fact[i].wanted)
                        continue;
                json_put_object_begin(j, oom_fact_names[i]);
                json_put_uint(j, "ns_after_kill", f->fact[i].age_ns);
                put_text(j, "missing", f->fact[i].missing);
                if (*f->fact[i].missing)
                        ;
                else if (i == OOM_FACT_MEMINFO)
                        put_meminfo(j, text);
                else if (i == OOM_FACT_SLABINFO)
                        put_slabs(j, text);
                else
                        json_put_string_n(j, "text", text->data, text->len);
                json_put_object_end(j);
        }
}

static void put_kill(struct json_out *j, const struct oom_kill *k, const struct oom_facts *facts)
{
        json_put_string(j, "event", k->pid == 0 ? "no-victim" : "kill");
        put_time(j, k->time_ns);
        put_victim(j, k);
        put_cause(j, &k->why);
        json_put_string(j, "load_average", facts && *facts->load ? facts->load : NULL);
        if (facts)
                put_facts(j, facts);
        put_tasks(j, k);
        json_put_uint(j, "records_lost", k->lost);
        json_put_string_n(j, "info", k->text.data + k->info_start, k->info_len);
        json_put_string_n(j, "text", k->text.data, k->text.len);
}

void oom_print_json(struct buf *out, const struct oom_log_event *e, const struct oom_facts *facts)
{
        struct json_out j = {.buf = out};

        json_put_object_begin(&j, NULL);
        if (e->kind == OOM_EVENT_KILL) {
                put_kill(&j, e->kill, facts);
        } else {
                json_put_string(&j, "event", "reaped");
                put_time(&j, e->time_ns);
                json_put_int(&j, "victim_pid", e->reaped.pid);
                json_put_string(&j, "victim_comm", e->reaped.comm);
                json_put_uint(&j, "anon_rss", e->reaped.anon_rss);
                json_put_uint(&j, "file_rss", e->reaped.file_rss);
                json_put_uint(&j, "shmem_rss", e->reaped.shmem_rss);
        }
        json_put_object_end(&j);
        buf_char(out, '\n');
}
