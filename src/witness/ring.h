/* SPDX-License-Identifier: MIT */
/* ring - read what a BPF program puts into a BPF_MAP_TYPE_RINGBUF (Linux 5.8; kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst).
 *
 * Two pages of counters, and the data mapped twice in a row, so that no record is in two pieces.  Each has a head of 8 bytes: its length,
 * with a bit while it is being written and one if it was given up.
 */
#ifndef SWANSONG_WITNESS_RING_H
#define SWANSONG_WITNESS_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ring {
        int fd;      /* ready to read when there is something; -1: none */
        size_t size; /* bytes of data, a power of two of pages */
        uint64_t *consumed;
        const uint64_t *produced; /* its page, then the data */
};

#define RING_NONE ((struct ring){.fd = -1})

/* 0, or -errno as of bpf(2) and mmap(2). */
int ring_open(size_t size, struct ring *ret);
void ring_close(struct ring *r);

/* Copy the next record, at most `size` bytes: the length that it had, or -EAGAIN: there is none. */
ssize_t ring_read(struct ring *r, void *ret, size_t size);

#endif
