/* SPDX-License-Identifier: MIT */
/* sock_diag - ask the kernel for all sockets of one kind in one network namespace: 0.7 us each, several times
 * faster than the text of /proc/net, and with the memory that each holds.
 *
 * Traps: a kernel without the inet_diag, tcp_diag, udp_diag or unix_diag module answers ENOENT; TIME_WAIT
 * sockets have no inode; the table may change while it is dumped, so that one shows twice or not at all. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_SOCK_DIAG_H
#define SWANSONG_CAPTURE_COLLECTORS_SOCK_DIAG_H

#include <stdbool.h>

#include "capture/collectors/sock_text.h"

/* Be in the network namespace of the process behind proc_fd.  If that is not ours, this process is there afterwards, for good:
 * only if it may_move.  0, or -errno (-EPERM: no right to enter it; -EXDEV: it may not move). */
int sock_diag_enter(int proc_fd, bool may_move);

/* Call `each` for every socket of this namespace; false ends it.  family AF_INET, AF_INET6 or AF_UNIX; protocol IPPROTO_TCP,
 * IPPROTO_UDP, or 0 for unix. 0, 1 when ended by `each`, or -errno. */
int sock_diag_dump(int family, int protocol, bool (*each)(void *ctx, const struct sock_entry *s), void *ctx);

#endif
