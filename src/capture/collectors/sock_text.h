/* SPDX-License-Identifier: MIT */
/* sock_text - one socket as the line that the kernel would print in /proc/net/{tcp,tcp6,udp,udp6,unix}.
 *
 * A TCP line is written in the short form that the kernel uses for TIME_WAIT, which ends with the pointer:
 *    0: 0100007F:1538 0100007F:C9F2 01 00000000:00000000 02:00000A3C 00000000   107        0 23115 1
 * 0000000000000000 sock_diag knows no reference count, no kernel address and no time-out field: they are 1 (0
 * for unix), 0 and 0.  Addresses are big-endian words printed as host integers, as the kernel does it. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_SOCK_TEXT_H
#define SWANSONG_CAPTURE_COLLECTORS_SOCK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCK_MEMINFO_N 9 /* SK_MEMINFO_VARS of linux/sock_diag.h since Linux 4.6 */

struct sock_entry {
        uint32_t inode;
        uint8_t family; /* AF_* */
        uint8_t type;   /* unix: SOCK_* */
        uint8_t state;  /* TCP_* of the kernel's tcp_states.h, for all families */
        uint8_t timer, retrans;
        uint16_t local_port, remote_port; /* host order */
        uint32_t local[4], remote[4];     /* as in struct inet_diag_sockid */
        uint32_t expires_ms;
        uint32_t rx_queue, tx_queue;
        uint32_t uid;
        const char *name; /* unix: the address, not NUL-terminated; abstract ones begin with NUL */
        size_t name_len;
        bool has_meminfo;
        uint32_t meminfo[SOCK_MEMINFO_N];
};

/* Longest line: a unix socket's name has at most 108 bytes. */
#define SOCK_LINE_MAX 512

/* Header lines, with the newline. */
extern const char sock_header_tcp[], sock_header_tcp6[], sock_header_udp[], sock_header_udp6[],
        sock_header_unix[];

/* `number` is the line's "sl".  The length, with the newline. */
size_t sock_line_tcp(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX]);
size_t sock_line_udp(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX]);
size_t sock_line_unix(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX]);

/* The inode in such a line, 0 if there is none (a header).  Which field it is depends on the table. */
uint32_t sock_line_inode(const char *line, size_t len, bool is_unix);

#endif
