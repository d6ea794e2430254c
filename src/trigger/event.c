/* SPDX-License-Identifier: MIT */
#include "trigger/event.h"

#include <errno.h>
#include <sys/epoll.h>

int events_add(struct events *e, struct event_source *s, unsigned owner)
{
        _cleanup_fd_ int fd = take_fd(&s->fd);
        struct epoll_event event = {.events = s->kind == EVENT_BYTES ? EPOLLIN : EPOLLPRI, .data.u32 = e->n};

        if (e->n == EVENTS_MAX)
                return -ENOSPC;
        if (e->fd < 0)
                e->fd = epoll_create1(EPOLL_CLOEXEC);
        if (e->fd < 0 || epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        e->items[e->n].source = (struct event_source){take_fd(&fd), s->kind};
        e->items[e->n++].owner = owner;
        return 0;
}

/* Acknowledge it.  Returns whether it was an event; closes a file that would be ready for ever. */
static bool take(struct event_source *s, uint32_t ready)
{
        char bytes[512];
        ssize_t n;

        switch (s->kind) {
        case EVENT_PSI:
                if (!(ready & (EPOLLERR | EPOLLHUP)))
                        return true;
                break;
        case EVENT_KERNFS:
                if (pread(s->fd, bytes, sizeof(bytes), 0) >= 0)
                        return true;
                break;
        case EVENT_BYTES:
                n = read(s->fd, bytes, sizeof(bytes));
                if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
                        return n > 0;
                break;
        }
        fd_closep(&s->fd);
        return false;
}

uint32_t events_take(struct events *e)
{
        struct epoll_event ready[EVENTS_MAX];
        uint32_t owners = 0;
        int n = e->fd < 0 ? 0 : epoll_wait(e->fd, ready, EVENTS_MAX, 0);

        for (int i = 0; i < n; i++)
                if (take(&e->items[ready[i].data.u32].source, ready[i].events))
                        owners |= UINT32_C(1) << e->items[ready[i].data.u32].owner;
        return owners;
}

void events_close(struct events *e)
{
        for (unsigned i = 0; i < e->n; i++)
                fd_closep(&e->items[i].source.fd);
        fd_closep(&e->fd);
        *e = EVENTS_NONE;
}
