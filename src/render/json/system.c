/* SPDX-License-Identifier: MIT */
/* The machine's part of report.json: one function for each key. */
#include "render/json/values.h"

typedef void put_part(struct json_out *j, const struct report_system *s);

static void row_begin(struct json_out *j)
{
        json_put_line(j);
        json_put_object_begin(j, NULL);
}

static void put_verdict(struct json_out *j, const struct report_system *s)
{
        json_put_string(j, "verdict", s->verdict);
        json_put_string(j, "cause", s->cause);
        json_put_string(j, "certainty", s->certainty);
        json_put_array_begin(j, "evidence");
        for (size_t i = 0; i < s->n_evidence; i++)
                json_put_string(j, NULL, s->evidence[i]);
        json_put_array_end(j);
}

static void put_where(struct json_out *j, const struct report_system *s)
{
        json_put_key_values(j, "meminfo", s->meminfo, s->n_meminfo);
        json_put_array_begin(j, "where");
        for (size_t i = 0; i < s->n_where; i++) {
                row_begin(j);
                json_put_string(j, "what", s->where[i].what);
                json_put_amount(j, "bytes", s->where[i].bytes);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_amount(j, "counted_twice", s->counted_twice);
        json_put_amount(j, "lru", s->lru);
        json_put_amount(j, "slab", s->slab);
}

static void put_slabs(struct json_out *j, const struct report_system *s)
{
        json_put_array_begin(j, "slabs");
        for (size_t i = 0; i < s->n_slabs; i++) {
                row_begin(j);
                json_put_string(j, "name", s->slabs[i].name);
                json_put_amount(j, "bytes", s->slabs[i].bytes);
                json_put_amount(j, "objects", s->slabs[i].objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_processes(struct json_out *j, const struct report_system *s)
{
        json_put_array_begin(j, "processes");
        for (size_t i = 0; i < s->n_processes; i++) {
                const struct report_machine_process *p = &s->processes[i];

                row_begin(j);
                json_put_int(j, "pid", p->pid);
                json_put_string(j, "comm", p->comm);
                json_put_string(j, "group", p->group);
                json_put_amount(j, "rss", p->rss);
                json_put_amount(j, "anon", p->anon);
                json_put_amount(j, "swap", p->swap);
                json_put_amount(j, "page_tables", p->page_tables);
                json_put_score(j, "oom_score", p->oom_score);
                json_put_score(j, "oom_score_adj", p->oom_score_adj);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_amount(j, "processes_seen", s->processes_seen);
        json_put_amount(j, "total_rss", s->total_rss);
        json_put_amount(j, "total_anon", s->total_anon);
        json_put_amount(j, "total_swap", s->total_swap);
        json_put_array_begin(j, "names");
        for (size_t i = 0; i < s->n_names; i++) {
                row_begin(j);
                json_put_string(j, "comm", s->names[i].comm);
                json_put_amount(j, "processes", s->names[i].processes);
                json_put_amount(j, "rss", s->names[i].rss);
                json_put_amount(j, "anon", s->names[i].anon);
                json_put_amount(j, "swap", s->names[i].swap);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_groups(struct json_out *j, const struct report_system *s)
{
        json_put_array_begin(j, "groups");
        for (size_t i = 0; i < s->n_groups; i++) {
                row_begin(j);
                json_put_string(j, "path", s->groups[i].path);
                json_put_amount(j, "usage", s->groups[i].usage);
                json_put_amount(j, "own", s->groups[i].own);
                json_put_amount(j, "limit", s->groups[i].limit);
                json_put_amount(j, "processes", s->groups[i].processes);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_amount(j, "groups_seen", s->groups_seen);
}

static const char *const states[] = {[ORDER_UNKNOWN] = NULL,
                                     [ORDER_POSSIBLE] = "possible",
                                     [ORDER_WATERMARK] = "watermark",
                                     [ORDER_FREE_LISTS] = "free-lists"};

static void put_zone(struct json_out *j, const struct report_zone *z)
{
        row_begin(j);
        json_put_int(j, "node", z->node);
        json_put_string(j, "name", z->name);
        json_put_amount(j, "free", z->free);
        json_put_amount(j, "min", z->min);
        json_put_amount(j, "low", z->low);
        json_put_amount(j, "high", z->high);
        json_put_amount(j, "managed", z->managed);
        json_put_amount(j, "reserve", z->reserve);
        json_put_amount(j, "unmovable_blocks", z->unmovable);
        json_put_amount(j, "movable_blocks", z->movable);
        json_put_amount(j, "reclaimable_blocks", z->reclaimable);
        json_put_array_begin(j, "orders");
        for (size_t i = 0; i < z->n_orders; i++) {
                json_put_object_begin(j, NULL);
                json_put_amount(j, "free_blocks", z->blocks[i]);
                json_put_string(j, "allocation", states[z->state[i]]);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_object_end(j);
}

static void put_fragmentation(struct json_out *j, const struct report_system *s)
{
        json_put_array_begin(j, "zones");
        for (size_t i = 0; i < s->n_zones; i++)
                put_zone(j, &s->zones[i]);
        json_put_array_end(j);
        json_put_array_begin(j, "orders");
        for (size_t i = 0; i < s->n_orders; i++) {
                row_begin(j);
                json_put_uint(j, "order", i);
                json_put_amount(j, "bytes", s->orders[i].bytes);
                json_put_string(j, "allocation", states[s->orders[i].state]);
                json_put_amount(j, "free_smaller", s->orders[i].free_smaller);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_allocations(struct json_out *j, const struct report_system *s)
{
        json_put_array_begin(j, "allocations");
        for (size_t i = 0; i < s->n_allocations; i++) {
                row_begin(j);
                json_put_string(j, "site", s->allocations[i].site);
                json_put_amount(j, "bytes", s->allocations[i].bytes);
                json_put_amount(j, "calls", s->allocations[i].calls);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_amount(j, "allocation_sites", s->allocation_sites);
        json_put_amount(j, "allocation_bytes", s->allocation_bytes);
        json_put_array_begin(j, "shrinkers");
        for (size_t i = 0; i < s->n_shrinkers; i++) {
                row_begin(j);
                json_put_string(j, "name", s->shrinkers[i].name);
                json_put_amount(j, "objects", s->shrinkers[i].objects);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

static void put_reclaim(struct json_out *j, const struct report_system *s)
{
        json_put_key_values(j, "reclaim", s->reclaim, s->n_reclaim);
        json_put_array_begin(j, "swaps");
        for (size_t i = 0; i < s->n_swaps; i++) {
                row_begin(j);
                json_put_string(j, "path", s->swaps[i].path);
                json_put_string(j, "type", s->swaps[i].type);
                json_put_amount(j, "size", s->swaps[i].size);
                json_put_amount(j, "used", s->swaps[i].used);
                json_put_int(j, "priority", s->swaps[i].priority);
                json_put_amount(j, "stored", s->swaps[i].stored);
                json_put_amount(j, "memory", s->swaps[i].memory);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_object_begin(j, "pressure");
        for (size_t i = 0; i < s->n_pressure; i++) {
                json_put_object_begin(j, s->pressure[i].resource);
                json_put_double(j, "some", s->pressure[i].some);
                json_put_double(j, "full", s->pressure[i].full);
                json_put_object_end(j);
        }
        json_put_object_end(j);
        json_put_object_begin(j, "overcommit");
        json_put_score(j, "mode", s->overcommit);
        json_put_amount(j, "limit", s->commit_limit);
        json_put_amount(j, "committed", s->committed);
        json_put_object_end(j);
}

void json_put_system(struct json_out *j, const struct report *r)
{
        static put_part *const parts[] = {put_verdict, put_where,         put_slabs,       put_processes,
                                          put_groups,  put_fragmentation, put_allocations, put_reclaim};

        json_put_object_begin(j, "system");
        for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
                parts[i](j, &r->system);
        json_put_object_end(j);
}
