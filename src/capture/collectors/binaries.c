/* SPDX-License-Identifier: MIT */
#include "capture/collectors/binaries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/maps_line.h"
#include "base/number.h"

/* How many descriptors we may open: the soft limit is raised, by default it is 1,024 for select()'s sake. */
static unsigned descriptors_allow(unsigned max)
{
        const unsigned others = 64;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return max;
        if (limit.rlim_cur < max + others) {
                limit.rlim_cur = limit.rlim_max < max + others ? limit.rlim_max : max + others;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
        return limit.rlim_cur < max + others
                       ? (limit.rlim_cur > others ? (unsigned)limit.rlim_cur - others : 0)
                       : max;
}

struct opened {
        uint64_t inode;
        uint32_t dev_major, dev_minor;
};

/* The same file is mapped in several pieces, mostly one after the other: look from the end. */
static bool seen_before(const struct opened *seen, unsigned n, const struct maps_line *m)
{
        while (n-- > 0)
                if (seen[n].inode == m->inode && seen[n].dev_major == m->dev_major &&
                    seen[n].dev_minor == m->dev_minor)
                        return true;
        return false;
}

int binaries_open(const struct target *t, const struct buf *maps, unsigned max)
{
        _cleanup_free_ struct opened *seen = calloc(max, sizeof(*seen));
        _cleanup_fd_ int table = memfd_create("swansong-binaries", 0);
        const char *end = maps->data + maps->len;
        unsigned n = 0, fds;

        if (table < 0)
                return -errno;
        if (!seen)
                return -ENOMEM;
        fds = descriptors_allow(max);
        for (const char *line = maps->data, *next; line && line < end && n < max && fds > 0; line = next) {
                struct maps_line m;
                char text[64];
                int fd, r;

                if (maps_line_parse(line, (size_t)(end - line), &m, &next) < 0)
                        continue;
                if (m.inode == 0 || m.perms[2] != 'x' || seen_before(seen, n, &m))
                        continue;
                seen[n++] = (struct opened){m.inode, m.dev_major, m.dev_minor};
                fd = mapped_file_open(t->proc_fd, &m);
                if (fd < 0)
                        continue;
                fcntl(fd, F_SETFD, 0); /* for the report's process */
                fds--;
                snprintf(text, sizeof(text), "%d %x:%x %llu\n", fd, m.dev_major, m.dev_minor,
                         (unsigned long long)m.inode);
                r = file_write_all(table, text, strlen(text));
                if (r < 0) {
                        close(fd);
                        binaries_close(take_fd(&table));
                        return r;
                }
        }
        lseek(table, 0, SEEK_SET);
        return take_fd(&table);
}

void binaries_close(int table_fd)
{
        _cleanup_buf_ struct buf table = BUF_GROWING(1024 * 1024);
        const char *p, *end;

        if (table_fd < 0)
                return;
        lseek(table_fd, 0, SEEK_SET);
        if (file_read_fd(table_fd, &table) == 0 && table.data) {
                end = table.data + table.len;
                for (p = table.data; p < end;) {
                        uint64_t fd;

                        if (number_scan(&p, end, 10, &fd) == 0)
                                close((int)fd);
                        p = memchr(p, '\n', (size_t)(end - p));
                        p = p ? p + 1 : end;
                }
        }
        close(table_fd);
}
