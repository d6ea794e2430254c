/* SPDX-License-Identifier: MIT */
/* The process's sockets, those that hold most memory first; of many, sums by protocol and state before. */
#include <string.h>

#include "render/text/text.h"

#define SOCKET_ROWS 100
#define SUM_ROWS    64 /* protocols times states are some 40 */
#define SUMS_FROM   20 /* fewer can be seen at a glance */

static uint64_t known(uint64_t value)
{
        return value == REPORT_UNKNOWN ? 0 : value;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
        return known(a) > UINT64_MAX - known(b) ? UINT64_MAX : known(a) + known(b);
}

static int by_memory(const void *a, const void *b)
{
        const struct report_socket *x = *(const struct report_socket *const *)a,
                                   *y = *(const struct report_socket *const *)b;
        uint64_t memory_x = known(x->memory), memory_y = known(y->memory);
        uint64_t queues_x = sum(x->tx_queue, x->rx_queue), queues_y = sum(y->tx_queue, y->rx_queue);

        if (memory_x != memory_y)
                return memory_x < memory_y ? 1 : -1;
        if (queues_x != queues_y)
                return queues_x < queues_y ? 1 : -1;
        return (x > y) - (x < y);
}

struct socket_sum {
        const char *proto, *state;
        size_t n;
        uint64_t tx_queue, rx_queue, memory;
};

static const char *word(const char *s)
{
        return s ? s : "-";
}

static void add_sums(const struct text *t)
{
        struct socket_sum sums[SUM_ROWS];
        size_t n = 0;

        for (size_t i = 0; i < t->r->n_sockets; i++) {
                const struct report_socket *s = &t->r->sockets[i];
                size_t k = 0;

                while (k < n && !(strcmp(sums[k].proto, word(s->proto)) == 0 &&
                                  strcmp(sums[k].state, word(s->state)) == 0))
                        k++;
                if (k == SUM_ROWS)
                        continue;
                if (k == n)
                        sums[n++] = (struct socket_sum){.proto = word(s->proto), .state = word(s->state)};
                sums[k].n++;
                sums[k].tx_queue = sum(sums[k].tx_queue, s->tx_queue);
                sums[k].rx_queue = sum(sums[k].rx_queue, s->rx_queue);
                sums[k].memory = sum(sums[k].memory, s->memory);
        }
        for (size_t k = 0; k < n; k++) {
                char count[COUNT_TEXT];

                buf_str(t->out, "  ");
                text_escaped(t, sums[k].proto, 5);
                text_pad(t, 8);
                text_escaped(t, sums[k].state, 13);
                text_pad(t, 20);
                buf_printf(t->out, "%8s", text_count(sums[k].n, count));
                text_size_cell(t, sums[k].tx_queue);
                text_size_cell(t, sums[k].rx_queue);
                text_size_cell(t, sums[k].memory);
                buf_str(t->out, "  together\n");
        }
}

/* "[2001:db8::1]:443", "10.0.0.1:443", "/run/x.sock" */
static void add_endpoint(const struct text *t, const char *address, uint64_t port)
{
        bool bracket = address && port != REPORT_UNKNOWN && strchr(address, ':');

        buf_str(t->out, bracket ? "[" : "");
        text_escaped_tail(t, address ? address : "-", 60);
        buf_str(t->out, bracket ? "]" : "");
        if (address && port != REPORT_UNKNOWN)
                buf_printf(t->out, ":%llu", (unsigned long long)port);
}

static void add_row(const struct text *t, const struct report_socket *s)
{
        size_t begin = text_begin(t);

        buf_str(t->out, "  ");
        text_escaped(t, word(s->proto), 5);
        text_pad(t, 8);
        text_escaped(t, word(s->state), 13);
        text_pad(t, 20);
        if (s->fd >= 0)
                buf_printf(t->out, "%8d", s->fd);
        else
                buf_printf(t->out, "%8s", "?");
        text_size_cell(t, s->tx_queue);
        text_size_cell(t, s->rx_queue);
        text_size_cell(t, s->memory);
        buf_str(t->out, "  ");
        add_endpoint(t, s->local, s->local_port);
        /* Port 0: it has no peer. */
        if (s->remote && s->remote_port != 0) {
                buf_str(t->out, " → ");
                add_endpoint(t, s->remote, s->remote_port);
        }
        text_wrap(t, begin, 24);
}

void text_sockets(const struct text *t)
{
        const struct report *r = t->r;
        _cleanup_free_ const struct report_socket **rows =
                r->n_sockets ? calloc(r->n_sockets, sizeof(*rows)) : NULL;
        size_t shown = text_rows(t, r->n_sockets, SOCKET_ROWS);
        char detail[160], count[COUNT_TEXT];

        if (!rows)
                return;
        for (size_t i = 0; i < r->n_sockets; i++)
                rows[i] = &r->sockets[i];
        qsort(rows, r->n_sockets, sizeof(*rows), by_memory);
        snprintf(detail, sizeof(detail), "%s; those that hold most of the kernel's memory first",
                 text_count(r->n_sockets, count));
        text_title(t, "SOCKETS", detail);
        buf_printf(t->out, "  %-5s %-12s %7s", "proto", "state", "fd");
        text_heading(t, "tx queue");
        text_heading(t, "rx queue");
        text_heading(t, "memory");
        buf_str(t->out, "  local → remote\n");
        if (r->n_sockets > SUMS_FROM)
                add_sums(t);
        for (size_t i = 0; i < shown; i++)
                add_row(t, rows[i]);
        text_more(t, r->n_sockets - shown, "sockets");
}
