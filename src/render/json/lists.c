/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "render/json/values.h"

static void row_begin(struct json_out *j)
{
        json_put_line(j);
        json_put_object_begin(j, NULL);
}

void json_put_maps(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "maps");
        for (size_t i = 0; i < r->n_maps; i++) {
                const struct report_map *m = &r->maps[i];
                char dev[24];

                snprintf(dev, sizeof(dev), "%02x:%02x", m->dev_major, m->dev_minor);
                row_begin(j);
                json_put_address(j, "start", m->start);
                json_put_address(j, "end", m->end);
                json_put_string(j, "perms", m->perms);
                json_put_amount(j, "offset", m->offset);
                json_put_string(j, "dev", dev);
                json_put_amount(j, "inode", m->inode);
                json_put_string(j, "path", m->path);
                json_put_amount(j, "size", m->size);
                json_put_amount(j, "rss", m->rss);
                json_put_amount(j, "pss", m->pss);
                json_put_amount(j, "private_clean", m->private_clean);
                json_put_amount(j, "private_dirty", m->private_dirty);
                json_put_amount(j, "anonymous", m->anonymous);
                json_put_amount(j, "swap", m->swap);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_tree(struct json_out *j, const struct report *r)
{
        static const char *const relations[] = {
                [TREE_SELF] = "self", [TREE_ANCESTOR] = "ancestor", [TREE_DESCENDANT] = "descendant"};

        json_put_array_begin(j, "tree");
        for (size_t i = 0; i < r->n_tree; i++) {
                const struct report_process_row *p = &r->tree[i];

                row_begin(j);
                json_put_int(j, "pid", p->pid);
                json_put_id(j, "ppid", p->ppid, 0);
                json_put_string(j, "comm", p->comm);
                json_put_string(j, "relation", relations[p->relation]);
                json_put_amount(j, "rss", p->rss);
                json_put_amount(j, "pss", p->pss);
                json_put_amount(j, "uss", p->uss);
                json_put_amount(j, "swap", p->swap);
                json_put_score(j, "oom_score", p->oom_score);
                json_put_score(j, "oom_score_adj", p->oom_score_adj);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_sockets(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "sockets");
        for (size_t i = 0; i < r->n_sockets; i++) {
                const struct report_socket *s = &r->sockets[i];

                row_begin(j);
                json_put_string(j, "proto", s->proto);
                json_put_string(j, "state", s->state);
                json_put_string(j, "local", s->local);
                json_put_amount(j, "local_port", s->local_port);
                json_put_string(j, "remote", s->remote);
                json_put_amount(j, "remote_port", s->remote_port);
                json_put_amount(j, "tx_queue", s->tx_queue);
                json_put_amount(j, "rx_queue", s->rx_queue);
                json_put_amount(j, "memory", s->memory);
                json_put_amount(j, "inode", s->inode);
                json_put_id(j, "fd", s->fd, 0);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_fds(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "fds");
        for (size_t i = 0; i < r->n_fds; i++) {
                row_begin(j);
                json_put_int(j, "fd", r->fds[i].fd);
                json_put_string(j, "kind", r->fds[i].kind);
                json_put_string(j, "path", r->fds[i].path);
                json_put_amount(j, "size", r->fds[i].size);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_history(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "history");
        for (size_t i = 0; i < r->n_history; i++) {
                const struct report_sample *s = &r->history[i];

                row_begin(j);
                json_put_time(j, "time", s->time_ns);
                json_put_amount(j, "rss", s->rss);
                json_put_amount(j, "anon", s->anon);
                json_put_amount(j, "file", s->file);
                json_put_amount(j, "shmem", s->shmem);
                json_put_amount(j, "swap", s->swap);
                json_put_amount(j, "group_usage", s->group_usage);
                json_put_amount(j, "available", s->available);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}

void json_put_missing(struct json_out *j, const struct report *r)
{
        json_put_array_begin(j, "missing");
        for (size_t i = 0; i < r->n_missing; i++) {
                row_begin(j);
                json_put_string(j, "section", r->missing[i].section);
                json_put_string(j, "reason", r->missing[i].reason);
                json_put_bool(j, "optional", r->missing[i].optional);
                json_put_object_end(j);
        }
        json_put_array_end(j);
}
