/* SPDX-License-Identifier: MIT */
#include "capture/collectors/fds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/number.h"
#include "capture/collectors.h"

/* readdir, then readlink: about 2.5 us for each descriptor.  `each` returns false to end the walk. */
static int fds_walk(int proc_fd,
                    bool (*each)(void *ctx, int dirfd, const char *fd, const char *link, size_t len),
                    void *ctx)
{
        _cleanup_dir_ DIR *dir = NULL;
        struct dirent *entry;
        int r = dir_open_at(proc_fd, "fd", &dir);

        if (r < 0)
                return r;
        for (;;) {
                char link[PATH_MAX];
                ssize_t n;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                if (entry->d_name[0] == '.')
                        continue;
                n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));
                if (n > 0 && !each(ctx, dirfd(dir), entry->d_name, link, (size_t)n))
                        return 0;
        }
}

static bool add_socket(void *ctx, int dirfd, const char *fd, const char *link, size_t len)
{
        (void)dirfd;
        (void)fd;
        return len < 8 || memcmp(link, "socket:[", 8) != 0 ||
               inode_set_add(ctx, (uint32_t)fd_link_inode(link, len)) == 0;
}

int fds_sockets_read(int proc_fd, struct inode_set *sockets)
{
        return fds_walk(proc_fd, add_socket, sockets);
}

struct fd_list {
        struct collect *c;
        uint64_t cap, bytes;
        int err; /* positive errno: why it ended early */
        const char *reason;
};

/* "fd kind size dev inode " of a line; returns its length. */
static size_t describe(int dirfd, const char *fd, const char *link, size_t len, char *out, size_t size)
{
        const char *kind = fd_kind_by_link(link, len);
        char size_text[24] = "-", dev[32] = "-", inode[24] = "-";
        uint64_t number = fd_link_inode(link, len);
        struct statx st;

        if (number)
                snprintf(inode, sizeof(inode), "%llu", (unsigned long long)number);
        if (!kind && statx(dirfd, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                           STATX_TYPE | STATX_SIZE | STATX_NLINK | STATX_INO, &st) == 0) {
                kind = fd_kind_by_stat(link, len, &st);
                snprintf(dev, sizeof(dev), "%u:%u", st.stx_dev_major, st.stx_dev_minor);
                snprintf(inode, sizeof(inode), "%llu", (unsigned long long)st.stx_ino);
                if (S_ISREG(st.stx_mode))
                        snprintf(size_text, sizeof(size_text), "%llu", (unsigned long long)st.stx_size);
        }
        return (size_t)snprintf(out, size, "%.16s\t%s\t%s\t%s\t%s\t", fd, kind ? kind : "other", size_text,
                                dev, inode);
}

static bool add_line(void *ctx, int dirfd, const char *fd, const char *link, size_t len)
{
        char line[128 + 4 * PATH_MAX];
        struct fd_list *list = ctx;
        struct collect *c = list->c;
        size_t n;

        if (clock_monotonic_ns() > c->progress->deadline_ns || list->bytes > list->cap) {
                list->reason = list->bytes > list->cap ? "too many descriptors" : "took too long";
                return false;
        }
        if (!add_socket(&c->sockets, dirfd, fd, link, len)) {
                list->reason = "memory is out";
                return false;
        }
        n = describe(dirfd, fd, link, len, line, 128);
        n += escape_cell(link, len, line + n);
        line[n++] = '\n';
        section_write(c->writer, line, n);
        list->bytes += n;
        return true;
}

void fds_make(struct collect *c, const struct collector *row)
{
        static const char header[] = "fd\tkind\tsize\tdev\tinode\ttarget\n";
        struct fd_list list = {.c = c, .cap = row->cap};
        char path[64];
        int r;

        snprintf(path, sizeof(path), "proc/%d/%s", c->target->pid, row->name);
        section_begin(c->writer, path, row->optional);
        section_write(c->writer, header, strlen(header));
        r = fds_walk(c->target->proc_fd, add_line, &list);
        c->sockets_known = r == 0 && !list.reason;
        if (collect_target_died(c))
                section_end(c->writer, SECTION_TARGET_DIED, ESRCH, NULL);
        else if (r < 0 && list.bytes == 0)
                section_end(c->writer, SECTION_MISSING, -r, NULL);
        else if (r < 0 || list.reason)
                section_end(c->writer, SECTION_CUT, -r, list.reason);
        else
                section_end(c->writer, SECTION_OK, 0, NULL);
}
