/* SPDX-License-Identifier: MIT */
#include "analysis/fds.h"

#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "analysis/tsv.h"
#include "base/cleanup.h"

enum { FD, KIND, SIZE, INODE, TARGET, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"fd", "kind", "size", "inode", "target"};

/* docs/bundle.md.  What else a bundle may say is unknown. */
static const char *kind_of(const struct scan *cell)
{
        static const char *const kinds[] = {"file",    "deleted",  "dir",     "memfd", "socket",
                                            "pipe",    "char",     "block",   "epoll", "eventfd",
                                            "timerfd", "signalfd", "inotify", "other"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (scan_is(cell, kinds[i]))
                        return kinds[i];
        return NULL;
}

static int compare_sockets(const void *a, const void *b)
{
        const struct fd_socket *x = a, *y = b;

        if (x->inode != y->inode)
                return x->inode < y->inode ? -1 : 1;
        return (x->fd > y->fd) - (x->fd < y->fd);
}

int fds_parse(const char *text, size_t len, struct pool *pool, struct fds *ret)
{
        size_t n = 0, room = 0, n_sockets = 0, socket_room = 0;
        struct scan cells[N_COLUMNS];
        struct fd_socket *sockets = NULL;
        struct report_fd *list = NULL;
        struct tsv t;

        *ret = (struct fds){0};
        if (tsv_begin(text, len, columns, N_COLUMNS, &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                uint64_t fd = tsv_number(&cells[FD]), inode = tsv_number(&cells[INODE]);

                if (fd > INT32_MAX)
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_fd){
                        .fd = (int32_t)fd,
                        .kind = kind_of(&cells[KIND]),
                        .path = tsv_text(&cells[TARGET], pool),
                        .size = tsv_number(&cells[SIZE]),
                };
                if (!scan_is(&cells[KIND], "socket") || !amount_known(inode))
                        continue;
                sockets = pool_grow(pool, sockets, n_sockets, n_sockets + 1, &socket_room, sizeof(*sockets));
                if (!sockets)
                        return -ENOMEM;
                sockets[n_sockets++] = (struct fd_socket){inode, (int32_t)fd};
        }
        if (n_sockets > 0)
                qsort(sockets, n_sockets, sizeof(*sockets), compare_sockets);
        *ret = (struct fds){list, n, sockets, n_sockets};
        return 0;
}

int32_t fds_of_socket(const struct fds *fds, uint64_t inode)
{
        size_t low = 0, high = fds->n_sockets;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (fds->sockets[middle].inode < inode)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < fds->n_sockets && fds->sockets[low].inode == inode ? fds->sockets[low].fd : -1;
}
