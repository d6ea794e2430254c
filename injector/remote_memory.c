/* SPDX-License-Identifier: MIT */
#include "injector/remote_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Below this the set-up of a batch costs more than it saves. */
#define FEW 2

int remote_memory_open(int proc_fd, pid_t pid, bool careful, struct remote_memory *ret)
{
        ret->pid = pid;
        ret->careful = careful;
        ret->fd = openat(proc_fd, "mem", O_RDONLY | O_CLOEXEC);
        return ret->fd < 0 ? -errno : 0;
}

void remote_memory_close(struct remote_memory *m)
{
        if (m->fd >= 0)
                close(m->fd);
        m->fd = -1;
}

size_t remote_read(const struct remote_memory *m, uint64_t address, void *to, size_t n)
{
        size_t done = 0;

        while (done < n) {
                ssize_t r = pread(m->fd, (char *)to + done, n - done, (off_t)(address + done));

                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        break;
                done += (size_t)r;
        }
        return done;
}

size_t remote_read_large(const struct remote_memory *m, uint64_t address, void *to, size_t n)
{
        struct iovec local = {to, n}, remote = {(void *)(uintptr_t)address, n};
        ssize_t r = m->careful ? -1 : process_vm_readv(m->pid, &local, 1, &remote, 1, 0);

        /* Refused, or not known to this kernel: the file may still do. */
        return r >= 0 ? (size_t)r : remote_read(m, address, to, n);
}

static void read_singly(const struct remote_memory *m, struct remote_piece *pieces, size_t n)
{
        for (size_t i = 0; i < n; i++)
                pieces[i].done = remote_read(m, pieces[i].address, pieces[i].to, pieces[i].bytes);
}

void remote_read_many(const struct remote_memory *m, struct remote_piece *pieces, size_t n)
{
        struct iovec local[REMOTE_BATCH], remote[REMOTE_BATCH];
        size_t at = 0;

        if (m->careful || n <= FEW) {
                read_singly(m, pieces, n);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                local[i] = (struct iovec){pieces[i].to, pieces[i].bytes};
                remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].bytes};
                pieces[i].done = 0;
        }
        while (at < n) {
                ssize_t r = process_vm_readv(m->pid, local + at, n - at, remote + at, n - at, 0);

                if (r < 0 && errno != EFAULT) {
                        /* ENOSYS: a kernel without it; EPERM, ESRCH: the file may still do. */
                        read_singly(m, pieces + at, n - at);
                        return;
                }
                for (; at < n && r >= (ssize_t)pieces[at].bytes; at++) {
                        pieces[at].done = pieces[at].bytes;
                        r -= (ssize_t)pieces[at].bytes;
                }
                /* The one that failed has what was read of it; go on behind it. */
                if (at < n)
                        pieces[at++].done = r > 0 ? (size_t)r : 0;
        }
}

bool remote_memory_gone(const struct remote_memory *m, uint64_t address)
{
        char byte;

        return pread(m->fd, &byte, 1, (off_t)address) == 0;
}
