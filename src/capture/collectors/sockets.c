/* SPDX-License-Identifier: MIT */
/* sockets - the target's own sockets, from its own network namespace, in the kernel's text format.
 *
 * "Own" are those whose inode is among its descriptors; when all have been found, nothing more is asked: 1 ms for each
 * table, for the kernel walks through all of its buckets.  sock_diag gives them quickly and with their memory;
 * where it is refused, or has no module for a protocol, the text of /proc/PID/net is filtered instead. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "capture/collectors.h"
#include "capture/collectors/fds.h"
#include "capture/collectors/sock_diag.h"
#include "capture/collectors/sock_text.h"

static const struct table {
        const char *name;
        int family, protocol;
        const char *header;
        size_t (*line)(const struct sock_entry *s, unsigned number, char out[SOCK_LINE_MAX]);
} tables[] = {
        {"tcp", AF_INET, IPPROTO_TCP, sock_header_tcp, sock_line_tcp},
        {"tcp6", AF_INET6, IPPROTO_TCP, sock_header_tcp6, sock_line_tcp},
        {"udp", AF_INET, IPPROTO_UDP, sock_header_udp, sock_line_udp},
        {"udp6", AF_INET6, IPPROTO_UDP, sock_header_udp6, sock_line_udp},
        {"unix", AF_UNIX, 0, sock_header_unix, sock_line_unix},
};

struct gather {
        struct collect *c;
        const struct table *table;
        const struct collector *row;
        unsigned n;    /* lines so far */
        unsigned seen; /* sockets, whosever they are */
        struct buf *skmem;
        bool late;
        bool by_text; /* sock_diag did not know this table: its sockets' memory stays unknown */
};

/* Without the two limits (RCVBUF, SNDBUF).  Most sockets hold nothing: they have no line. */
static void skmem_add(struct buf *b, const struct table *table, const struct sock_entry *s)
{
        const uint32_t *m = s->meminfo;

        if (m[SK_MEMINFO_RMEM_ALLOC] | m[SK_MEMINFO_WMEM_ALLOC] | m[SK_MEMINFO_FWD_ALLOC] |
            m[SK_MEMINFO_WMEM_QUEUED] | m[SK_MEMINFO_OPTMEM] | m[SK_MEMINFO_BACKLOG] | m[SK_MEMINFO_DROPS])
                buf_printf(b, "%u\t%s\t%u\t%u\t%u\t%u\t%u\t%u\t%u\n", s->inode, table->name,
                           m[SK_MEMINFO_RMEM_ALLOC], m[SK_MEMINFO_WMEM_ALLOC], m[SK_MEMINFO_FWD_ALLOC],
                           m[SK_MEMINFO_WMEM_QUEUED], m[SK_MEMINFO_OPTMEM], m[SK_MEMINFO_BACKLOG],
                           m[SK_MEMINFO_DROPS]);
}

/* Others may have a million sockets: the clock is looked at for theirs, too. */
static bool take_entry(void *ctx, const struct sock_entry *s)
{
        struct gather *g = ctx;
        char line[SOCK_LINE_MAX];
        bool ours = inode_set_take(&g->c->sockets, s->inode);

        if (ours) {
                section_write(g->c->writer, line, g->table->line(s, g->n++, line));
                if (s->has_meminfo)
                        skmem_add(g->skmem, g->table, s);
        }
        if (ours || ++g->seen % 256 == 0)
                g->late = clock_monotonic_ns() > g->c->progress->deadline_ns;
        return !g->late && g->c->sockets.left > 0;
}

/* /proc/PID/net/TABLE: the header, and the lines whose inode is ours. */
static int filter_text(struct gather *g)
{
        char name[16];
        bool header = true;
        _cleanup_fd_ int fd = -1;
        size_t have = 0;

        snprintf(name, sizeof(name), "net/%s", g->table->name);
        fd = openat(g->c->target->proc_fd, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (;;) {
                char *data = g->c->buffer, *line = data, *newline;
                ssize_t n = read(fd, data + have, COLLECT_BUFFER - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0 || clock_monotonic_ns() > g->c->progress->deadline_ns) {
                        g->late = n > 0;
                        return 0;
                }
                have += (size_t)n;
                while ((newline = memchr(line, '\n', have - (size_t)(line - data)))) {
                        size_t len = (size_t)(newline - line) + 1;

                        if (header || inode_set_take(&g->c->sockets,
                                                     sock_line_inode(line, len, g->table->family == AF_UNIX)))
                                section_write(g->c->writer, line, len);
                        header = false;
                        line = newline + 1;
                }
                have -= (size_t)(line - data);
                if (have == COLLECT_BUFFER) /* no line of the kernel's is that long */
                        return -EBADMSG;
                memmove(data, line, have);
        }
}

static void table_make(struct gather *g, bool ask)
{
        struct bundle_writer *w = g->c->writer;
        bool optional = g->row->optional || g->table->family == AF_INET6;
        char path[64];
        int r = -EPERM;

        snprintf(path, sizeof(path), "proc/%d/net/%s", g->c->target->pid, g->table->name);
        section_begin(w, path, optional);
        /* All its sockets stand in other tables, or it has none: this one is its header. */
        if (ask || g->c->sockets.left == 0)
                section_write(w, g->table->header, strlen(g->table->header));
        if (g->c->sockets.left == 0)
                r = 0;
        else if (ask)
                r = sock_diag_dump(g->table->family, g->table->protocol, take_entry, g);
        if (r < 0 && g->n == 0) {
                section_cancel(w);
                section_begin(w, path, optional);
                r = filter_text(g);
                g->by_text = r == 0;
        }
        if (r == -ENOENT && g->table->family == AF_INET6)
                section_end(w, SECTION_MISSING, ENOENT, "no IPv6 here");
        else if (r < 0)
                section_end(w, g->n ? SECTION_CUT : SECTION_MISSING, -r, NULL);
        else if (g->late)
                section_end(w, SECTION_CUT, ETIME, "took too long");
        else
                section_end(w, SECTION_OK, 0, NULL);
}

void sockets_make(struct collect *c, const struct collector *row)
{
        static const char header[] = "inode\tproto\trmem\twmem\tfwd\twqueued\topt\tbacklog\tdrops\n";
        _cleanup_buf_ struct buf skmem = BUF_GROWING(row->cap);
        char path[64];
        bool by_text = false;
        int r = 0, refused;

        if (!c->sockets_known)
                r = fds_sockets_read(c->target->proc_fd, &c->sockets);
        snprintf(path, sizeof(path), "proc/%d/net", c->target->pid);
        if (r < 0) {
                section_missing(c->writer, path, row->optional, -r, "its descriptors cannot be read");
                return;
        }
        refused = c->sockets.n > 0 ? sock_diag_enter(c->target->proc_fd, c->own_process) : 0;
        c->moved = c->own_process && c->sockets.n > 0;
        buf_str(&skmem, header);
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
                struct gather g = {.c = c, .table = &tables[i], .row = row, .skmem = &skmem};

                table_make(&g, refused == 0);
                by_text = by_text || g.by_text;
        }
        snprintf(path, sizeof(path), "proc/%d/net/skmem.tsv", c->target->pid);
        if (refused < 0) {
                section_missing(c->writer, path, true, -refused, NULL);
                return;
        }
        section_begin(c->writer, path, true);
        section_write(c->writer, skmem.data, skmem.len);
        section_end(c->writer, skmem.cut || by_text ? SECTION_CUT : SECTION_OK, 0,
                    skmem.cut ? "too many sockets"
                    : by_text ? "sock_diag does not know every kind of socket here"
                              : NULL);
}
