/* SPDX-License-Identifier: MIT */
/* remote_memory - read another process's memory.
 *
 * Two ways.  process_vm_readv() takes many pieces in one call, and pins the pages for it: at the memory limit
 * that un-shares pages which fork left shared, charges the target for them, and *triggers the OOM kill* (7
 * of 7 runs).  pread() on /proc/PID/mem did so in 0 of 42, and is as fast for one piece or two.
 *
 * Never writes.  Never allocates.  Any thread may call, several at once.
 */
#ifndef SWANSONG_INJECTOR_REMOTE_MEMORY_H
#define SWANSONG_INJECTOR_REMOTE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REMOTE_BATCH 64

struct remote_memory {
        pid_t pid;
        int fd;       /* /proc/PID/mem: this very address space; after an exec it reads as empty */
        bool careful; /* near the limit: never process_vm_readv() */
};

struct remote_piece {
        uint64_t address;
        void *to;
        size_t bytes;
        size_t done; /* out: bytes that could be read, from the start */
};

/* 0 or -errno.  proc_fd: /proc/PID. */
int remote_memory_open(int proc_fd, pid_t pid, bool careful, struct remote_memory *ret);
void remote_memory_close(struct remote_memory *m);

/* Returns how many of the n bytes could be read, from the start. */
size_t remote_read(const struct remote_memory *m, uint64_t address, void *to, size_t n);

/* The same for hundreds of KiB: twice as fast where process_vm_readv() may be used. */
size_t remote_read_large(const struct remote_memory *m, uint64_t address, void *to, size_t n);

/* Read all pieces, n <= REMOTE_BATCH. */
void remote_read_many(const struct remote_memory *m, struct remote_piece *pieces, size_t n);

/* Has the process got another address space than when this was opened (exec), or none any more? `address`
 * is one that could be read before. */
bool remote_memory_gone(const struct remote_memory *m, uint64_t address);

#endif
