/* SPDX-License-Identifier: MIT */
/* sockets - the target's sockets, from the kernel's text (proc/PID/net/{tcp,tcp6,udp,udp6,unix}) and
 * skmem.tsv.
 *
 *   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 *    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 41234 1 0000...
 *
 *   Num       RefCount Protocol Flags    Type St Inode Path
 *   00000000: 00000002 00000000 00010000 0001 01 41235 /run/redis.sock
 * Works on bytes.  Traps: an address is the 32-bit words of memory printed as numbers, little-endian on every
 * machine we know, so 0100007F is 127.0.0.1; a unix path may hold blanks and even newlines, so a line may be
 * the rest of a path; abstract names begin with '@'; a listening TCP socket's queues count connections, not
 * bytes.
 */
#ifndef SWANSONG_ANALYSIS_SOCKETS_H
#define SWANSONG_ANALYSIS_SOCKETS_H

#include "analysis/fds.h"
#include "analysis/report.h"

struct socket_list {
        struct report_socket *list; /* in the pool */
        size_t n, room;
};

/* Add the sockets of one text.  `proto` is the file's name and decides how it is read: tcp, tcp6, udp, udp6,
 * unix (a static string).  0 or -ENOMEM; what is no socket's line is passed over. */
int sockets_parse(const char *proto, const char *text, size_t len, struct pool *pool, struct socket_list *l);

/* Join the sockets with skmem.tsv by inode: their memory.  A socket that holds none has no line there: its memory is 0
 * if the table is `whole`, else unknown.  0 or -ENOMEM. */
int sockets_join_memory(struct socket_list *l, const char *text, size_t len, bool whole);

/* Join them with the descriptors: their fd. */
void sockets_join_fds(struct socket_list *l, const struct fds *fds);

#endif
