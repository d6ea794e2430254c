/* SPDX-License-Identifier: MIT */
#include "analysis/heap/recorder_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Of address space.  The tables of one that records every allocation of a large program have some GiB. */
#define RECORDER_MOST (UINT64_C(16) << 30)

/* One extent; it may end early when the file has been cut meanwhile. */
static int read_extent(int fd, char *data, uint64_t from, uint64_t to)
{
        while (from < to) {
                ssize_t n = pread(fd, data + from, to - from, (off_t)from);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                from += (uint64_t)n;
        }
        return 0;
}

static int read_extents(int fd, char *data, uint64_t len)
{
        off_t from = lseek(fd, 0, SEEK_DATA);
        int r = 0;

        if (from < 0 && errno != ENXIO) /* a file system that knows of no holes */
                return read_extent(fd, data, 0, len);
        while (r == 0 && from >= 0 && (uint64_t)from < len) {
                off_t to = lseek(fd, from, SEEK_HOLE);
                uint64_t end = to < 0 || (uint64_t)to > len ? len : (uint64_t)to;

                r = read_extent(fd, data, (uint64_t)from, end);
                from = lseek(fd, (off_t)end, SEEK_DATA);
        }
        return r;
}

int recorder_read(int fd, struct recorder_bytes *ret)
{
        struct recorder_bytes b = {0};
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        b.len = (uint64_t)st.st_size < RECORDER_MOST ? (size_t)st.st_size : RECORDER_MOST;
        if (b.len == 0) {
                *ret = b;
                return 0;
        }
        b.data =
                mmap(NULL, b.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (b.data == MAP_FAILED)
                return -ENOMEM;
        r = read_extents(fd, b.data, b.len);
        if (r < 0) {
                recorder_bytes_done(&b);
                return r;
        }
        *ret = b;
        return 0;
}

void recorder_bytes_done(struct recorder_bytes *b)
{
        if (b->data)
                munmap(b->data, b->len);
        *b = (struct recorder_bytes){0};
}
