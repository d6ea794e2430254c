/* SPDX-License-Identifier: MIT */
#include "render/json/values.h"

static void put_tasks(struct json_out *j, const struct report_kill *k)
{
        json_put_array_begin(j, "tasks");
        for (size_t i = 0; i < k->n_tasks; i++) {
                json_put_line(j);
                json_put_object_begin(j, NULL);
                json_put_id(j, "pid", k->tasks[i].pid, 1);
                json_put_string(j, "comm", k->tasks[i].comm);
                json_put_amount(j, "rss", k->tasks[i].rss);
                json_put_score(j, "oom_score_adj", k->tasks[i].oom_score_adj);
                json_put_object_end(j);
        }
        json_put_array_end(j);
        json_put_amount(j, "tasks_listed", k->tasks_listed);
}

void json_put_kill(struct json_out *j, const struct report *r)
{
        const struct report_kill *k = r->kill;

        if (!k) {
                json_put_null(j, "kill");
                return;
        }
        json_put_object_begin(j, "kill");
        json_put_time(j, "time", k->time_ns);
        json_put_id(j, "trigger_pid", k->trigger_pid, 1);
        json_put_string(j, "trigger_comm", k->trigger_comm);
        json_put_array_begin(j, "trigger_frames");
        for (size_t i = 0; i < k->n_trigger_frames; i++)
                json_put_frame(j, NULL, &k->trigger_frames[i]);
        json_put_array_end(j);
        json_put_id(j, "victim_pid", k->victim_pid, 1);
        json_put_string(j, "victim_comm", k->victim_comm);
        json_put_bool(j, "was_target", k->was_target);
        json_put_string(j, "scope", k->scope);
        json_put_string(j, "constraint", k->constraint);
        json_put_string(j, "group", k->group);
        json_put_string(j, "killed_as_group", k->killed_as_group);
        json_put_amount(j, "usage", k->usage);
        json_put_amount(j, "limit", k->limit);
        json_put_string(j, "gfp_mask", k->gfp_mask);
        json_put_score(j, "order", k->order);
        json_put_amount(j, "uid", k->uid);
        json_put_amount(j, "anon_rss", k->anon_rss);
        json_put_amount(j, "file_rss", k->file_rss);
        json_put_amount(j, "shmem_rss", k->shmem_rss);
        json_put_amount(j, "total_vm", k->total_vm);
        json_put_amount(j, "page_tables", k->page_tables);
        json_put_score(j, "oom_score_adj", k->oom_score_adj);
        put_tasks(j, k);
        json_put_string(j, "text", k->text);
        json_put_object_end(j);
}
