/* SPDX-License-Identifier: MIT */
#include "witness/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static size_t page_size(void)
{
        return (size_t)sysconf(_SC_PAGESIZE);
}

int ring_open(size_t size, struct ring *ret)
{
        union bpf_attr a = {.map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = (uint32_t)size};
        struct ring r = {.fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)), .size = size};
        void *consumer, *producer = MAP_FAILED;

        if (r.fd < 0)
                return -errno;
        consumer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0);
        if (consumer != MAP_FAILED)
                producer =
                        mmap(NULL, page_size() + 2 * size, PROT_READ, MAP_SHARED, r.fd, (off_t)page_size());
        if (producer == MAP_FAILED) {
                int err = -errno;

                if (consumer != MAP_FAILED)
                        munmap(consumer, page_size());
                fd_closep(&r.fd);
                return err;
        }
        r.consumed = consumer;
        r.produced = producer;
        *ret = r;
        return 0;
}

void ring_close(struct ring *r)
{
        if (r->fd < 0)
                return;
        munmap(r->consumed, page_size());
        munmap((void *)r->produced, page_size() + 2 * r->size);
        fd_closep(&r->fd);
        *r = RING_NONE;
}

ssize_t ring_read(struct ring *r, void *ret, size_t size)
{
        const unsigned char *data = (const unsigned char *)r->produced + page_size();
        uint64_t at = *r->consumed;

        while (at < __atomic_load_n(r->produced, __ATOMIC_ACQUIRE)) {
                const unsigned char *record = data + (at & (r->size - 1));
                uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE), length;

                if (head & BPF_RINGBUF_BUSY_BIT)
                        return -EAGAIN; /* and those behind it wait */
                length = head & ~BPF_RINGBUF_DISCARD_BIT;
                if (!(head & BPF_RINGBUF_DISCARD_BIT))
                        memcpy(ret, record + BPF_RINGBUF_HDR_SZ, length < size ? length : size);
                at += (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
                __atomic_store_n(r->consumed, at, __ATOMIC_RELEASE);
                if (!(head & BPF_RINGBUF_DISCARD_BIT))
                        return (ssize_t)length;
        }
        return -EAGAIN;
}
