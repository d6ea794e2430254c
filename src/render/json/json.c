/* SPDX-License-Identifier: MIT */
/* json - report.json, version 1: the keys of docs/report.schema.json.
 *
 * Written as it goes (base/json_out.h): 60,000 mappings and 100,000 frames need no tree in memory.  Pure ASCII;
 * a line for each key and for each row of a list, so that two reports can be compared with diff.
 */
#include "render/json/values.h"
#include "render/renderer.h"

static void put_head(struct json_out *j, const struct report *r)
{
        json_put_uint(j, "format", 1);
        json_put_string(j, "swansong", r->swansong_version);
        json_put_string(j, "bundle", r->bundle);
        json_put_bool(j, "complete", r->complete);
        json_put_time(j, "time", r->time_ns);
        json_put_string(j, "host", r->host);
        json_put_string(j, "kernel", r->kernel);
        json_put_string(j, "machine", r->machine);
}

static void put_trigger(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "trigger");
        json_put_string(j, "kind", r->trigger.kind);
        json_put_string(j, "sentence", r->trigger.sentence);
        json_put_string(j, "guarantee", r->trigger.guarantee);
        json_put_string(j, "better", r->trigger.better);
        json_put_double(j, "ms_before_kill", r->trigger.ms_before_kill);
        json_put_object_end(j);
}

static void put_verdict(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "verdict");
        json_put_string(j, "sentence", r->verdict.sentence);
        json_put_string(j, "cause", r->verdict.cause);
        json_put_string(j, "certainty", r->verdict.certainty);
        json_put_array_begin(j, "evidence");
        for (size_t i = 0; i < r->verdict.n_evidence; i++)
                json_put_string(j, NULL, r->verdict.evidence[i]);
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_process(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "process");
        json_put_id(j, "pid", r->process.pid, 1);
        json_put_id(j, "ppid", r->process.ppid, 0);
        json_put_string(j, "comm", r->process.comm);
        json_put_string(j, "exe", r->process.exe);
        json_put_string(j, "cmdline", r->process.cmdline);
        json_put_string(j, "build_id", r->process.build_id);
        json_put_time(j, "start_time", r->process.start_time_ns);
        if (r->process.uid == UINT32_MAX)
                json_put_null(j, "uid");
        else
                json_put_uint(j, "uid", r->process.uid);
        json_put_amount(j, "threads", r->process.n_threads);
        json_put_string(j, "state", r->process.state);
        json_put_string(j, "condition", r->process.condition);
        json_put_string(j, "group", r->process.group);
        json_put_object_begin(j, "namespaces");
        for (size_t i = 0; i < r->process.n_namespaces; i++)
                json_put_string(j, r->process.namespaces[i].name, r->process.namespaces[i].value);
        json_put_object_end(j);
        json_put_object_end(j);
}

static void put_memory(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "memory");
        json_put_amount(j, "rss", r->memory.rss);
        json_put_string(j, "source", r->memory.source);
        json_put_amount(j, "pss", r->memory.pss);
        json_put_amount(j, "uss", r->memory.uss);
        json_put_amount(j, "swap", r->memory.swap);
        json_put_amount(j, "page_tables", r->memory.page_tables);
        json_put_amount(j, "anon", r->memory.anon);
        json_put_amount(j, "file", r->memory.file);
        json_put_amount(j, "shmem", r->memory.shmem);
        json_put_amount(j, "huge_pages", r->memory.huge_pages);
        json_put_amount(j, "hugetlb", r->memory.hugetlb);
        json_put_amount(j, "socket_memory", r->memory.socket_memory);
        json_put_amount(j, "virtual_size", r->memory.virtual_size);
        json_put_amount(j, "address_space_limit", r->memory.address_space_limit);
        json_put_amount(j, "mem_total", r->memory.mem_total);
        json_put_amount(j, "mem_available", r->memory.mem_available);
        json_put_amount(j, "limit", r->memory.limit);
        json_put_amount(j, "limit_used", r->memory.limit_used);
        json_put_string(j, "limit_source", r->memory.limit_source);
        json_put_score(j, "oom_score", r->memory.oom_score);
        json_put_score(j, "oom_score_adj", r->memory.oom_score_adj);
        json_put_double(j, "growth_bytes_per_s", r->memory.growth_bytes_per_s);
        json_put_array_begin(j, "where");
        for (size_t i = 0; i < r->memory.n_where; i++) {
                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_string(j, "what", r->memory.where[i].what);
                json_put_amount(j, "bytes", r->memory.where[i].bytes);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_pause(struct json_out *j, const struct report *r)
{
        json_put_amount(j, "pause_ns", r->pause_ns);
}

static void put_threads_captured(struct json_out *j, const struct report *r)
{
        json_put_amount(j, "threads_captured", r->n_threads_captured);
}

static void put_cgroup(struct json_out *j, const struct report *r)
{
        const struct report_cgroup *g = &r->cgroup;

        json_put_object_begin(j, "cgroup");
        json_put_id(j, "version", (int32_t)g->version, 1);
        json_put_string(j, "path", g->path);
        json_put_amount(j, "usage", g->usage);
        json_put_amount(j, "peak", g->peak);
        json_put_amount(j, "limit", g->limit);
        json_put_string(j, "limit_path", g->limit_path);
        json_put_amount(j, "limit_usage", g->limit_usage);
        json_put_amount(j, "high", g->high);
        json_put_amount(j, "swap_usage", g->swap_usage);
        json_put_amount(j, "swap_limit", g->swap_limit);
        json_put_amount(j, "processes", g->n_processes);
        json_put_key_values(j, "stat", g->stat, g->n_stat);
        json_put_key_values(j, "events", g->events, g->n_events);
        json_put_object_end(j);
}

void render_json(const struct report *r, const struct render_style *style, struct buf *out)
{
        static void (*const parts[])(struct json_out * j, const struct report *r) = {
                put_head,         put_trigger,      put_verdict,          put_process,     put_pause,
                put_memory,       json_put_heap,    json_put_malloc,      json_put_census, json_put_heaps,
                json_put_notes,   json_put_threads, put_threads_captured, json_put_maps,   json_put_tree,
                json_put_sockets, json_put_fds,     put_cgroup,           json_put_system, json_put_history,
                json_put_kill,    json_put_missing,
        };
        struct json_out j = {.buf = out};

        (void)style;
        json_put_object_begin(&j, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                json_put_line(&j);
                parts[i](&j, r);
        }
        json_put_object_end(&j);
        buf_char(out, '\n');
}
