/* SPDX-License-Identifier: MIT */
/* What belongs to the process: its tree, descriptors and sockets. */
#include <string.h>

#include "render/text.h"

#define TREE_ROWS   60
#define SOCKET_ROWS 100
#define FD_ROWS     40

static void add_score(const struct text *t, int32_t score)
{
        if (score == REPORT_UNKNOWN_INT)
                buf_printf(t->out, "%7s", "?");
        else
                buf_printf(t->out, "%7d", score);
}

void text_tree(const struct text *t)
{
        static const char *const marks[] = {
                [TREE_SELF] = "*", [TREE_ANCESTOR] = " ", [TREE_DESCENDANT] = "+"};
        const struct report *r = t->r;

        if (r->n_tree == 0)
                return;
        text_title(t, "PROCESS TREE", "* the process, then its ancestors up to PID 1, + its descendants");
        buf_printf(t->out, "  %8s %7s %7s %*s %*s %*s %*s  %s\n", "PID", "score", "adj", SIZE_COLUMNS, "RSS",
                   SIZE_COLUMNS, "PSS", SIZE_COLUMNS, "USS", SIZE_COLUMNS, "swap", "command");
        for (size_t i = 0; i < r->n_tree && i < TREE_ROWS; i++) {
                const struct report_process_row *p = &r->tree[i];

                buf_printf(t->out, "%s %8d ", marks[p->relation], p->pid);
                add_score(t, p->oom_score);
                buf_char(t->out, ' ');
                add_score(t, p->oom_score_adj);
                buf_char(t->out, ' ');
                text_size_cell(t, p->rss);
                buf_char(t->out, ' ');
                text_size_cell(t, p->pss);
                buf_char(t->out, ' ');
                text_size_cell(t, p->uss);
                buf_char(t->out, ' ');
                text_size_cell(t, p->swap);
                buf_str(t->out, "  ");
                text_escaped(t, p->comm, 40);
                buf_char(t->out, '\n');
        }
        if (r->n_tree > TREE_ROWS)
                buf_printf(t->out, "  … %zu more in report.json\n", r->n_tree - TREE_ROWS);
}

/* "[2001:db8::1]:443", "10.0.0.1:443", "/run/x.sock"; padded to `columns`. */
static void add_endpoint(const struct text *t, const char *address, uint64_t port, size_t columns)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1024);
        struct text part = {t->r, t->style, &b};
        size_t n;

        if (!address)
                buf_char(&b, '-');
        else if (strchr(address, ':') && port != REPORT_UNKNOWN)
                buf_printf(&b, "[%s]", address);
        else
                text_escaped_tail(&part, address, 60);
        if (address && port != REPORT_UNKNOWN)
                buf_printf(&b, ":%llu", (unsigned long long)port);
        n = b.data ? text_columns(b.data) : 0;
        buf_printf(t->out, " %s%*s", b.data ? b.data : "?", (int)(n < columns ? columns - n : 0), "");
}

void text_sockets(const struct text *t)
{
        const struct report *r = t->r;
        char detail[120];

        if (r->n_sockets == 0)
                return;
        snprintf(detail, sizeof(detail),
                 "%zu, in the process's own network namespace; queues and memory in the kernel",
                 r->n_sockets);
        text_title(t, "SOCKETS", detail);
        buf_printf(t->out, "  %-5s %-12s %6s %*s %*s %*s  %-28s %s\n", "proto", "state", "fd", SIZE_COLUMNS,
                   "tx queue", SIZE_COLUMNS, "rx queue", SIZE_COLUMNS, "memory", "local", "remote");
        for (size_t i = 0; i < r->n_sockets && i < SOCKET_ROWS; i++) {
                const struct report_socket *s = &r->sockets[i];

                buf_printf(t->out, "  %-5s %-12s ", s->proto ? s->proto : "?", s->state ? s->state : "-");
                if (s->fd >= 0)
                        buf_printf(t->out, "%6d ", s->fd);
                else
                        buf_printf(t->out, "%6s ", "?");
                text_size_cell(t, s->tx_queue);
                buf_char(t->out, ' ');
                text_size_cell(t, s->rx_queue);
                buf_char(t->out, ' ');
                text_size_cell(t, s->memory);
                buf_char(t->out, ' ');
                add_endpoint(t, s->local, s->local_port, 28);
                add_endpoint(t, s->remote, s->remote_port, 0);
                buf_char(t->out, '\n');
        }
        if (r->n_sockets > SOCKET_ROWS)
                buf_printf(t->out, "  … %zu more in report.json\n", r->n_sockets - SOCKET_ROWS);
}

/* "file 12, socket 3, epoll 1" in the order of appearance. */
static void add_fd_kinds(const struct text *t)
{
        const char *kinds[32];
        size_t counts[32], n = 0;

        for (size_t i = 0; i < t->r->n_fds; i++) {
                const char *kind = t->r->fds[i].kind ? t->r->fds[i].kind : "other";
                size_t k = 0;

                while (k < n && strcmp(kinds[k], kind) != 0)
                        k++;
                if (k == n && n < ARRAY_SIZE(kinds)) {
                        kinds[n] = kind;
                        counts[n++] = 0;
                }
                if (k < n)
                        counts[k]++;
        }
        buf_str(t->out, "  ");
        for (size_t k = 0; k < n; k++) {
                buf_printf(t->out, "%s%zu ", k ? ", " : "", counts[k]);
                text_escaped(t, kinds[k], 16);
        }
        buf_char(t->out, '\n');
}

static int by_fd_size(const void *a, const void *b)
{
        const struct report_fd *const *x = a, *const *y = b;

        if ((*x)->size != (*y)->size)
                return (*x)->size < (*y)->size ? 1 : -1;
        return (*x)->fd < (*y)->fd ? -1 : (*x)->fd > (*y)->fd;
}

/* Those that have a size: files, memfds, and above all deleted ones, which hold memory or disk that no `du` finds. */
void text_fds(const struct text *t)
{
        const struct report *r = t->r;
        _cleanup_free_ const struct report_fd **sized = r->n_fds ? calloc(r->n_fds, sizeof(*sized)) : NULL;
        char detail[40];
        size_t n = 0;

        if (!sized)
                return;
        snprintf(detail, sizeof(detail), "%zu", r->n_fds);
        text_title(t, "FILE DESCRIPTORS", detail);
        add_fd_kinds(t);
        for (size_t i = 0; i < r->n_fds; i++)
                if (r->fds[i].size != REPORT_UNKNOWN)
                        sized[n++] = &r->fds[i];
        qsort(sized, n, sizeof(*sized), by_fd_size);
        for (size_t i = 0; i < n && i < FD_ROWS; i++) {
                buf_printf(t->out, "  %6d  %-8s ", sized[i]->fd, sized[i]->kind ? sized[i]->kind : "?");
                text_size_cell(t, sized[i]->size);
                buf_str(t->out, "  ");
                text_escaped_tail(t, sized[i]->path, t->style->width - 30);
                buf_char(t->out, '\n');
        }
        if (n > FD_ROWS)
                buf_printf(t->out, "  … %zu more in report.json\n", n - FD_ROWS);
}
