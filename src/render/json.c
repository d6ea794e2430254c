/* SPDX-License-Identifier: MIT */
/* json - report.json, version 1: the keys of docs/report.schema.json.
 *
 * Streamed with base/json_out.h: 60,000 mappings and 100,000 frames need no tree.  Addresses are strings ("0x7f…"), since JSON
 * numbers lose their low bits above 2^53 in many readers; sizes are numbers, unknown ones null.  The output is
 * pure ASCII.
 */
#include <math.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "render/renderer.h"

static void put_size(struct json_out *j, const char *key, uint64_t value)
{
        if (value == REPORT_UNKNOWN)
                json_put_null(j, key);
        else
                json_put_uint(j, key, value);
}

static void put_score(struct json_out *j, const char *key, int32_t value)
{
        if (value == REPORT_UNKNOWN_INT)
                json_put_null(j, key);
        else
                json_put_int(j, key, value);
}

static void put_address(struct json_out *j, const char *key, uint64_t value)
{
        char text[24];

        if (value == REPORT_UNKNOWN) {
                json_put_null(j, key);
                return;
        }
        snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
        json_put_string(j, key, text);
}

static void put_time(struct json_out *j, const char *key, uint64_t realtime_ns)
{
        char text[CLOCK_TEXT];

        json_put_string(j, key,
                        realtime_ns == REPORT_UNKNOWN || realtime_ns == 0 ? NULL
                                                                          : clock_rfc3339(realtime_ns, text));
}

/* ms with three decimals, as a number; NaN and infinity are not JSON. */
static void put_double(struct json_out *j, const char *key, double value)
{
        if (!isfinite(value))
                json_put_null(j, key);
        else
                json_put_decimal(j, key, value);
}

static void put_key_values(struct json_out *j, const char *key, const struct report_key_value *rows, size_t n)
{
        json_put_object_begin(j, key);
        for (size_t i = 0; i < n; i++)
                put_size(j, rows[i].key, rows[i].value);
        json_put_object_end(j);
}

static void put_head(struct json_out *j, const struct report *r)
{
        json_put_uint(j, "format", 1);
        json_put_string(j, "swansong", r->swansong_version);
        json_put_string(j, "bundle", r->bundle);
        json_put_bool(j, "complete", r->complete);
        put_time(j, "time", r->time_ns);
        json_put_string(j, "host", r->host);
        json_put_string(j, "kernel", r->kernel);
        json_put_string(j, "machine", r->machine);

        json_put_object_begin(j, "trigger");
        json_put_string(j, "kind", r->trigger.kind);
        json_put_string(j, "sentence", r->trigger.sentence);
        json_put_string(j, "guarantee", r->trigger.guarantee);
        put_double(j, "ms_before_kill", r->trigger.ms_before_kill);
        json_put_object_end(j);

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
        json_put_int(j, "pid", r->process.pid);
        json_put_int(j, "ppid", r->process.ppid);
        json_put_string(j, "comm", r->process.comm);
        json_put_string(j, "exe", r->process.exe);
        json_put_string(j, "cmdline", r->process.cmdline);
        json_put_string(j, "build_id", r->process.build_id);
        put_time(j, "start_time", r->process.start_time_ns);
        json_put_uint(j, "uid", r->process.uid);
        put_size(j, "threads", r->process.n_threads);
        json_put_string(j, "state", r->process.state);
        json_put_string(j, "group", r->process.group);
        json_put_object_begin(j, "namespaces");
        for (size_t i = 0; i < r->process.n_namespaces; i++)
                json_put_string(j, r->process.namespaces[i].name, r->process.namespaces[i].value);
        json_put_object_end(j);
        json_put_object_end(j);
        put_size(j, "pause_ns", r->pause_ns);
}

static void put_memory(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "memory");
        put_size(j, "rss", r->memory.rss);
        put_size(j, "pss", r->memory.pss);
        put_size(j, "uss", r->memory.uss);
        put_size(j, "swap", r->memory.swap);
        put_size(j, "page_tables", r->memory.page_tables);
        put_size(j, "anon", r->memory.anon);
        put_size(j, "file", r->memory.file);
        put_size(j, "shmem", r->memory.shmem);
        put_size(j, "mem_total", r->memory.mem_total);
        put_size(j, "mem_available", r->memory.mem_available);
        put_size(j, "limit", r->memory.limit);
        json_put_string(j, "limit_source", r->memory.limit_source);
        put_size(j, "limit_used", r->memory.limit_used);
        put_size(j, "virtual_size", r->memory.virtual_size);
        put_size(j, "socket_memory", r->memory.socket_memory);
        put_score(j, "oom_score", r->memory.oom_score);
        put_score(j, "oom_score_adj", r->memory.oom_score_adj);
        put_double(j, "growth_bytes_per_s", r->memory.growth_bytes_per_s);
        json_put_array_begin(j, "where");
        for (size_t i = 0; i < r->memory.n_where; i++) {
                json_put_object_begin(j, NULL);
                json_put_string(j, "what", r->memory.where[i].what);
                put_size(j, "bytes", r->memory.where[i].bytes);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_frame(struct json_out *j, const struct report_frame *f)
{
        json_put_object_begin(j, NULL);
        put_address(j, "pc", f->pc);
        json_put_string(j, "function", f->function);
        json_put_string(j, "module", f->module);
        put_address(j, "module_offset", f->module_offset);
        json_put_string(j, "build_id", f->build_id);
        json_put_string(j, "file", f->file);
        put_size(j, "line", f->line);
        json_put_bool(j, "inlined", f->inlined);
        json_put_object_end(j);
}

/* Where in the output a stack's frames stand already: threads with the same stack share the frames (stack_table.h), and a thousand
 * threads have a handful of stacks. */
struct shown_stack {
        const struct report_frame *frames;
        size_t at, len;
};

struct shown_stacks {
        struct shown_stack
                *slots; /* open addressing by address; NULL: memory is out, nothing is remembered */
        size_t n_slots; /* a power of two, more than there are threads */
};

static struct shown_stack *shown_slot(const struct shown_stacks *s, const struct report_frame *frames)
{
        size_t i = ((uintptr_t)frames >> 4) & (s->n_slots - 1);

        while (s->slots[i].frames && s->slots[i].frames != frames)
                i = (i + 1) & (s->n_slots - 1);
        return &s->slots[i];
}

static void put_frames(struct json_out *j, const struct report_thread *t, const struct shown_stacks *shown)
{
        struct shown_stack *slot = shown->slots && t->frames ? shown_slot(shown, t->frames) : NULL;
        size_t at;

        if (slot && slot->frames && buf_reserve(j->buf, slot->len) == 0) {
                /* Reserved before, so that the source does not move while it is copied. */
                buf_add(j->buf, j->buf->data + slot->at, slot->len);
                return;
        }
        at = j->buf->len;
        json_put_array_begin(j, "frames");
        for (size_t i = 0; i < t->n_frames; i++)
                put_frame(j, &t->frames[i]);
        json_put_array_end(j);
        if (slot && !slot->frames)
                *slot = (struct shown_stack){t->frames, at, j->buf->len - at};
}

static void put_threads(struct json_out *j, const struct report *r)
{
        struct shown_stacks shown = {.n_slots = 64};

        while (shown.n_slots < 2 * r->n_threads)
                shown.n_slots *= 2;
        shown.slots = calloc(shown.n_slots, sizeof(*shown.slots));
        json_put_array_begin(j, "threads");
        for (size_t i = 0; i < r->n_threads; i++) {
                const struct report_thread *t = &r->threads[i];

                json_put_object_begin(j, NULL);
                json_put_int(j, "tid", t->tid);
                json_put_string(j, "comm", t->comm);
                json_put_string(j, "state", t->state);
                json_put_string(j, "wchan", t->wchan);
                json_put_string(j, "captured", t->captured);
                json_put_string(j, "reason", t->reason);
                json_put_bool(j, "complete", t->complete);
                put_frames(j, t, &shown);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        free(shown.slots);
}

static void put_maps(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "maps");
        for (size_t i = 0; i < r->n_maps; i++) {
                const struct report_map *m = &r->maps[i];
                char dev[24];

                snprintf(dev, sizeof(dev), "%02x:%02x", m->dev_major, m->dev_minor);
                json_put_object_begin(j, NULL);
                put_address(j, "start", m->start);
                put_address(j, "end", m->end);
                json_put_string(j, "perms", m->perms);
                json_put_uint(j, "offset", m->offset);
                json_put_string(j, "dev", dev);
                json_put_uint(j, "inode", m->inode);
                json_put_string(j, "path", m->path);
                put_size(j, "size", m->size);
                put_size(j, "rss", m->rss);
                put_size(j, "pss", m->pss);
                put_size(j, "swap", m->swap);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_tree(struct json_out *j, const struct report *r)
{
        static const char *const relations[] = {
                [TREE_SELF] = "self", [TREE_ANCESTOR] = "ancestor", [TREE_DESCENDANT] = "descendant"};

        json_put_array_begin(j, "tree");
        for (size_t i = 0; i < r->n_tree; i++) {
                const struct report_process_row *p = &r->tree[i];

                json_put_object_begin(j, NULL);
                json_put_int(j, "pid", p->pid);
                json_put_int(j, "ppid", p->ppid);
                json_put_string(j, "comm", p->comm);
                json_put_string(j, "relation", relations[p->relation]);
                put_size(j, "rss", p->rss);
                put_size(j, "pss", p->pss);
                put_size(j, "uss", p->uss);
                put_size(j, "swap", p->swap);
                put_score(j, "oom_score", p->oom_score);
                put_score(j, "oom_score_adj", p->oom_score_adj);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_sockets(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "sockets");
        for (size_t i = 0; i < r->n_sockets; i++) {
                const struct report_socket *s = &r->sockets[i];

                json_put_object_begin(j, NULL);
                json_put_string(j, "proto", s->proto);
                json_put_string(j, "state", s->state);
                json_put_string(j, "local", s->local);
                put_size(j, "local_port", s->local_port);
                json_put_string(j, "remote", s->remote);
                put_size(j, "remote_port", s->remote_port);
                put_size(j, "tx_queue", s->tx_queue);
                put_size(j, "rx_queue", s->rx_queue);
                put_size(j, "memory", s->memory);
                json_put_uint(j, "inode", s->inode);
                if (s->fd < 0)
                        json_put_null(j, "fd");
                else
                        json_put_int(j, "fd", s->fd);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_fds(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "fds");
        for (size_t i = 0; i < r->n_fds; i++) {
                json_put_object_begin(j, NULL);
                json_put_int(j, "fd", r->fds[i].fd);
                json_put_string(j, "kind", r->fds[i].kind);
                json_put_string(j, "path", r->fds[i].path);
                put_size(j, "size", r->fds[i].size);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_cgroup(struct json_out *j, const struct report_cgroup *g)
{
        json_put_object_begin(j, "cgroup");
        if (g->version == 0)
                json_put_null(j, "version");
        else
                json_put_uint(j, "version", g->version);
        json_put_string(j, "path", g->path);
        put_size(j, "usage", g->usage);
        put_size(j, "peak", g->peak);
        put_size(j, "limit", g->limit);
        put_size(j, "high", g->high);
        json_put_string(j, "limit_path", g->limit_path);
        put_size(j, "swap_usage", g->swap_usage);
        put_size(j, "swap_limit", g->swap_limit);
        put_size(j, "processes", g->n_processes);
        put_key_values(j, "stat", g->stat, g->n_stat);
        put_key_values(j, "events", g->events, g->n_events);
        json_put_object_end(j);
}

static void put_system(struct json_out *j, const struct report *r)
{
        json_put_object_begin(j, "system");
        json_put_string(j, "verdict", r->system.verdict);
        put_key_values(j, "meminfo", r->system.meminfo, r->system.n_meminfo);
        json_put_array_begin(j, "slabs");
        for (size_t i = 0; i < r->system.n_slabs; i++) {
                json_put_object_begin(j, NULL);
                json_put_string(j, "name", r->system.slabs[i].name);
                put_size(j, "bytes", r->system.slabs[i].bytes);
                put_size(j, "objects", r->system.slabs[i].objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_history(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "history");
        for (size_t i = 0; i < r->n_history; i++) {
                const struct report_sample *s = &r->history[i];

                json_put_object_begin(j, NULL);
                put_time(j, "time", s->time_ns);
                put_size(j, "rss", s->rss);
                put_size(j, "anon", s->anon);
                put_size(j, "file", s->file);
                put_size(j, "shmem", s->shmem);
                put_size(j, "swap", s->swap);
                put_size(j, "group_usage", s->group_usage);
                put_size(j, "available", s->available);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_missing(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "missing");
        for (size_t i = 0; i < r->n_missing; i++) {
                json_put_object_begin(j, NULL);
                json_put_string(j, "section", r->missing[i].section);
                json_put_string(j, "reason", r->missing[i].reason);
                json_put_bool(j, "optional", r->missing[i].optional);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void render_json(const struct report *r, const struct render_style *style, struct buf *out)
{
        struct json_out j = {.buf = out};

        (void)style;
        json_put_object_begin(&j, NULL);
        put_head(&j, r);
        put_process(&j, r);
        put_memory(&j, r);
        put_threads(&j, r);
        put_maps(&j, r);
        put_tree(&j, r);
        put_sockets(&j, r);
        put_fds(&j, r);
        put_cgroup(&j, &r->cgroup);
        put_system(&j, r);
        put_history(&j, r);
        put_missing(&j, r);
        /* No agent's recorder, allocator statistics or kernel record in this bundle. */
        json_put_null(&j, "heap");
        json_put_null(&j, "malloc");
        json_put_null(&j, "kill");
        json_put_object_end(&j);
        buf_char(out, '\n');
}
