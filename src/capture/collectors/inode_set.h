/* SPDX-License-Identifier: MIT */
/* inode_set - the inode numbers of the target's sockets: 100,000 of them are looked up among 100,000 others.
 *
 * Socket inodes are 32 bits wide in the kernel (get_next_ino(), sock_diag); 0 is none. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_INODE_SET_H
#define SWANSONG_CAPTURE_COLLECTORS_INODE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode_set {
        uint32_t *slots; /* 0: free */
        bool *taken;     /* inode_set_take() has had it */
        size_t n, size;  /* size is a power of two */
        size_t left;     /* not yet taken */
};

int inode_set_add(struct inode_set *s, uint32_t inode); /* 0 or -ENOMEM */

/* Is it in the set, and asked for the first time?  A dump of a changing table may show a socket twice. */
bool inode_set_take(struct inode_set *s, uint32_t inode);

void inode_set_done(struct inode_set *s);

#endif
