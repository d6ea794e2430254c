/* SPDX-License-Identifier: MIT */
#include "trigger/event.h"

#include <errno.h>
#include <sys/epoll.h>

int events_add(struct events *e, struct event_source *s, unsigned owner)
{
        _cleanup_fd_ int fd = take_fd(&s->fd);

        if (e->n == EVENTS_MAX)
                return -ENOSPC;
        e->items[e->n].source = (struct event_source){take_fd(&fd), s->kind, s->whose};
        e->items[e->n++].owner = owner;
        return 0;
}

uint32_t event_mask(enum event_kind kind)
{
        return kind == EVENT_BYTES ? EPOLLIN : EPOLLPRI;
}

int events_take(struct events *e, unsigned i, uint32_t ready)
{
        struct event_source *s = &e->items[i].source;
        char bytes[512];
        ssize_t n;

        switch (s->kind) {
        case EVENT_PSI:
                if (!(ready & (EPOLLERR | EPOLLHUP)))
                        return 1;
                break;
        case EVENT_KERNFS:
                if (pread(s->fd, bytes, sizeof(bytes), 0) >= 0)
                        return 1;
                break;
        case EVENT_BYTES:
                n = read(s->fd, bytes, sizeof(bytes));
                if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
                        return n > 0;
                break;
        }
        return -ENODATA;
}

void events_close(struct events *e)
{
        for (unsigned i = 0; i < e->n; i++)
                fd_closep(&e->items[i].source.fd);
        e->n = 0;
}
