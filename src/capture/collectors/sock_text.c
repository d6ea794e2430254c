/* SPDX-License-Identifier: MIT */
#include "capture/collectors/sock_text.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/number.h"

/* net/ipv4/tcp_ipv4.c pads its header to 149 columns; nobody reads the blanks. */
const char sock_header_tcp[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const char sock_header_tcp6[] =
        "  sl  local_address                         remote_address                        st tx_queue "
        "rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const char sock_header_udp[] =
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
        "uid  timeout inode ref pointer drops\n";
const char sock_header_udp6[] =
        "  sl  local_address                         remote_address                        st tx_queue "
        "rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
const char sock_header_unix[] = "Num       RefCount Protocol Flags    Type St Inode Path\n";

#define STATE_ESTABLISHED 1 /* include/net/tcp_states.h */
#define STATE_LISTEN      10
#define FLAG_ACCEPTCON    0x10000 /* __SO_ACCEPTCON of include/uapi/linux/net.h */
#define SS_UNCONNECTED_   1       /* socket_state of include/uapi/linux/net.h, as unix_seq_show() uses it */
#define SS_CONNECTED_     3
#define USER_HZ_MS        10 /* the line's clock: 100 ticks per second on every machine */

/* Fixed-width upper-case hexadecimal: printf("%08X") is half of the time at 10,000 sockets. */
static char *put_hex(char *p, uint32_t value, int digits)
{
        static const char hex[] = "0123456789ABCDEF";

        for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
                *p++ = hex[value >> shift & 15];
        return p;
}

static char *put_address(char *p, const struct sock_entry *s, const uint32_t address[4], uint16_t port)
{
        for (int i = 0; i < (s->family == AF_INET6 ? 4 : 1); i++)
                p = put_hex(p, address[i], 8);
        *p++ = ':';
        p = put_hex(p, port, 4);
        *p++ = ' ';
        return p;
}

/* Everything up to and with the pointer. */
static char *put_inet(char *p, const struct sock_entry *s, unsigned number, int number_width)
{
        /* For a listener sock_diag's two queues are the backlog and its limit; the file has no limit. */
        uint32_t tx_queue = s->state == STATE_LISTEN && s->type == SOCK_STREAM ? 0 : s->tx_queue;

        p += sprintf(p, "%*u: ", number_width, number);
        p = put_address(p, s, s->local, s->local_port);
        p = put_address(p, s, s->remote, s->remote_port);
        p = put_hex(p, s->state, 2);
        *p++ = ' ';
        p = put_hex(p, tx_queue, 8);
        *p++ = ':';
        p = put_hex(p, s->rx_queue, 8);
        *p++ = ' ';
        p = put_hex(p, s->timer, 2);
        *p++ = ':';
        p = put_hex(p, s->expires_ms / USER_HZ_MS, 8);
        *p++ = ' ';
        p = put_hex(p, s->retrans, 8);
        return p + sprintf(p, " %5u %8d %u 1 0000000000000000", s->uid, 0, s->inode);
}

size_t sock_line_tcp(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX])
{
        char *p = put_inet(out, s, number, 4);

        *p++ = '\n';
        return (size_t)(p - out);
}

size_t sock_line_udp(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX])
{
        char *p = put_inet(out, s, number, 5);

        p += sprintf(p, " %u\n", s->has_meminfo ? s->meminfo[SOCK_MEMINFO_N - 1] : 0);
        return (size_t)(p - out);
}

size_t sock_line_unix(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX])
{
        size_t name_len = s->name_len < 255 ? s->name_len : 255;
        char *p = out;

        (void)number;
        p += sprintf(p, "0000000000000000: %08X %08X %08X %04X %02X %5u", 0, 0,
                     s->state == STATE_LISTEN ? FLAG_ACCEPTCON : 0, s->type,
                     s->state == STATE_ESTABLISHED ? SS_CONNECTED_ : SS_UNCONNECTED_, s->inode);
        if (name_len > 0)
                *p++ = ' ';
        /* unix_seq_show(): NULs of an abstract name as '@'.  A newline in a path would be a line of its own
         * there; here it may not be. */
        for (size_t i = 0; i < name_len; i++)
                *p++ = s->name[i] == '\0' ? '@' : s->name[i] == '\n' ? '?' : s->name[i];
        *p++ = '\n';
        return (size_t)(p - out);
}

uint32_t sock_line_inode(const char *line, size_t len, bool is_unix)
{
        const char *p = line, *end = line + len;
        uint64_t inode;

        for (int field = is_unix ? 6 : 9;; field--) {
                while (p < end && *p == ' ')
                        p++;
                if (field == 0)
                        break;
                while (p < end && *p != ' ')
                        p++;
        }
        if (number_scan(&p, end, 10, &inode) < 0 || inode > UINT32_MAX)
                return 0;
        return (uint32_t)inode;
}
