/* SPDX-License-Identifier: MIT */
/* fds - the target's descriptors (proc/PID/fd.txt of docs/bundle.md).
 *
 *   fd	kind	size	dev	inode	target
 *   3	socket	-	0:8	41234	socket:[41234]
 *   4	deleted	1048576	8:1	99	/var/log/a\x0ab.log (deleted)
 */
#ifndef SWANSONG_ANALYSIS_FDS_H
#define SWANSONG_ANALYSIS_FDS_H

#include "analysis/report.h"

struct fd_socket { /* which fd a socket is */
        uint64_t inode;
        int32_t fd;
};

struct fds {
        const struct report_fd *list; /* in the order of the file */
        size_t n;
        const struct fd_socket *sockets; /* by inode, then fd */
        size_t n_sockets;
};

/* 0 or -ENOMEM; what is no row is passed over.  All memory is the pool's. */
int fds_parse(const char *text, size_t len, struct pool *pool, struct fds *ret);

/* The lowest fd of the socket with this inode, or -1. */
int32_t fds_of_socket(const struct fds *fds, uint64_t inode);

#endif
