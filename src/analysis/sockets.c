/* SPDX-License-Identifier: MIT */
#include "analysis/sockets.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/tsv.h"
#include "base/cleanup.h"

#define UNIX_LISTENS 0x10000 /* __SO_ACCEPTCON of include/uapi/linux/net.h */

/* include/net/tcp_states.h; UDP uses ESTABLISHED (connected) and CLOSE of the same numbers. */
static const char *const tcp_states[] = {
        NULL,    "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",    "TIME_WAIT",
        "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV",
};

/* socket_state of include/uapi/linux/net.h */
static const char *const unix_states[] = {"FREE", "UNCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING"};

static const struct report_socket socket_unknown = {
        .local_port = REPORT_UNKNOWN,
        .remote_port = REPORT_UNKNOWN,
        .tx_queue = REPORT_UNKNOWN,
        .rx_queue = REPORT_UNKNOWN,
        .memory = REPORT_UNKNOWN,
        .inode = REPORT_UNKNOWN,
        .fd = -1,
};

static const char *name_of(const char *const *names, size_t n, uint64_t number)
{
        return number < n ? names[number] : NULL;
}

/* "0100007F:1F90": one 32-bit word in hex for IPv4, four for IPv6; then the port. */
static bool scan_address(struct scan *s, unsigned words, struct pool *pool, const char **ret_text,
                         uint64_t *ret_port)
{
        char text[INET6_ADDRSTRLEN];
        uint32_t address[4];

        for (unsigned i = 0; i < words; i++) {
                struct scan word = {s->at, s->at + 8};
                uint64_t value;

                if (scan_left(s) < 8 || !scan_hex(&word, &value) || scan_left(&word) != 0)
                        return false;
                address[i] = htole32((uint32_t)value);
                s->at += 8;
        }
        if (!scan_word(s, ":") || !scan_hex(s, ret_port) || *ret_port > UINT16_MAX)
                return false;
        inet_ntop(words == 1 ? AF_INET : AF_INET6, address, text, sizeof(text));
        *ret_text = pool_strdup(pool, text);
        return *ret_text;
}

/* Blanks, then something up to the next blank. */
static bool skip_word(struct scan *s)
{
        const char *from;

        scan_blanks(s);
        for (from = s->at; s->at < s->end && *s->at != ' '; s->at++)
                ;
        return s->at > from;
}

static bool scan_inet(struct scan s, unsigned words, bool tcp, struct pool *pool, struct report_socket *ret)
{
        struct report_socket socket = socket_unknown;
        struct scan number;
        uint64_t state;

        scan_blanks(&s);
        if (!scan_until(&s, ": ", &number))
                return false;
        if (!scan_address(&s, words, pool, &socket.local, &socket.local_port) || !scan_word(&s, " ") ||
            !scan_address(&s, words, pool, &socket.remote, &socket.remote_port) || !scan_word(&s, " ") ||
            !scan_hex(&s, &state) || !scan_word(&s, " ") || !scan_hex(&s, &socket.tx_queue) ||
            !scan_word(&s, ":") || !scan_hex(&s, &socket.rx_queue))
                return false;
        /* tr:tm->when, retrnsmt, uid, timeout */
        if (!skip_word(&s) || !skip_word(&s) || !skip_word(&s) || !skip_word(&s))
                return false;
        scan_blanks(&s);
        if (!scan_number(&s, &socket.inode))
                return false;
        socket.state = name_of(tcp_states, ARRAY_SIZE(tcp_states), state);
        if (!tcp && state != 1)
                socket.state = NULL;
        *ret = socket;
        return true;
}

static bool scan_unix(struct scan s, struct pool *pool, struct report_socket *ret)
{
        struct report_socket socket = socket_unknown;
        uint64_t address, references, protocol, flags, type, state;

        if (!scan_hex(&s, &address) || !scan_word(&s, ": ") || !scan_hex(&s, &references) ||
            !scan_word(&s, " ") || !scan_hex(&s, &protocol) || !scan_word(&s, " ") || !scan_hex(&s, &flags) ||
            !scan_word(&s, " ") || !scan_hex(&s, &type) || !scan_word(&s, " ") || !scan_hex(&s, &state) ||
            !scan_word(&s, " "))
                return false;
        scan_blanks(&s);
        if (!scan_number(&s, &socket.inode))
                return false;
        if (scan_word(&s, " ") && scan_left(&s) > 0) {
                socket.local = pool_strndup(pool, s.at, scan_left(&s));
                if (!socket.local)
                        return false;
        }
        socket.state = flags & UNIX_LISTENS ? "LISTEN" : name_of(unix_states, ARRAY_SIZE(unix_states), state);
        *ret = socket;
        return true;
}

int sockets_parse(const char *proto, const char *text, size_t len, struct pool *pool, struct socket_list *l)
{
        bool is_unix = strcmp(proto, "unix") == 0, tcp = strncmp(proto, "tcp", 3) == 0;
        unsigned words = strchr(proto, '6') ? 4 : 1;
        struct scan s = scan_of(text, len), line;

        while (line_next(&s, &line)) {
                struct report_socket socket;

                if (is_unix ? !scan_unix(line, pool, &socket) : !scan_inet(line, words, tcp, pool, &socket))
                        continue;
                socket.proto = proto;
                l->list = pool_grow(pool, l->list, l->n, l->n + 1, &l->room, sizeof(*l->list));
                if (!l->list)
                        return -ENOMEM;
                l->list[l->n++] = socket;
        }
        return 0;
}

struct socket_memory {
        uint64_t inode, bytes;
};

static int compare_memory(const void *a, const void *b)
{
        const struct socket_memory *x = a, *y = b;

        return (x->inode > y->inode) - (x->inode < y->inode);
}

/* What the socket's owner is charged with.  A TCP socket's unsent data is in `wqueued`, and only what the
 * device holds of it is in `wmem` as well; a UDP or unix socket has `wmem` alone: the larger of the two is
 * what it holds. */
static uint64_t memory_of(const struct scan *cells)
{
        uint64_t rmem = tsv_number(&cells[1]), wmem = tsv_number(&cells[2]), wqueued = tsv_number(&cells[4]);
        uint64_t total = REPORT_UNKNOWN, written = amount_or(wmem, 0);

        if (amount_or(wqueued, 0) > written)
                written = wqueued;
        amount_add(&total, rmem);
        amount_add(&total, amount_known(wmem) || amount_known(wqueued) ? written : REPORT_UNKNOWN);
        amount_add(&total, tsv_number(&cells[3]));
        amount_add(&total, tsv_number(&cells[5]));
        amount_add(&total, tsv_number(&cells[6]));
        return total;
}

int sockets_join_memory(struct socket_list *l, const char *text, size_t len, bool whole)
{
        static const char *const columns[] = {"inode", "rmem", "wmem", "fwd", "wqueued", "opt", "backlog"};
        _cleanup_free_ struct socket_memory *rows = NULL;
        struct scan cells[ARRAY_SIZE(columns)];
        size_t n = 0, room = 0;
        struct tsv t;

        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                if (n == room) {
                        struct socket_memory *more = reallocarray(rows, room ? 2 * room : 64, sizeof(*rows));

                        if (!more)
                                return -ENOMEM;
                        rows = more;
                        room = room ? 2 * room : 64;
                }
                rows[n++] = (struct socket_memory){tsv_number(&cells[0]), memory_of(cells)};
        }
        if (n > 0)
                qsort(rows, n, sizeof(*rows), compare_memory);
        for (size_t i = 0; i < l->n; i++) {
                const struct socket_memory key = {l->list[i].inode, 0};
                const struct socket_memory *found =
                        n > 0 ? bsearch(&key, rows, n, sizeof(*rows), compare_memory) : NULL;

                if (amount_known(key.inode) && (found || whole))
                        l->list[i].memory = found ? found->bytes : 0;
        }
        return 0;
}

void sockets_join_fds(struct socket_list *l, const struct fds *fds)
{
        for (size_t i = 0; i < l->n; i++)
                l->list[i].fd = fds_of_socket(fds, l->list[i].inode);
}
