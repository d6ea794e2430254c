/* SPDX-License-Identifier: MIT */
/* watch_token - what an event of the watcher's epoll set is about: a process, and which of its fds.
 *
 * A process stands in the set several times.  The token is its address plus a small number that says for what:
 * memory from malloc() is aligned to 16 bytes. */
#ifndef SWANSONG_CLI_WATCH_TOKEN_H
#define SWANSONG_CLI_WATCH_TOKEN_H

#include <assert.h>
#include <stdint.h>

#include "cli/watch/set.h"

enum watch_fd {
        WATCH_END,    /* its pidfd */
        WATCH_HOLDER, /* the end of its holder */
        WATCH_GUARD,  /* the end of its brake's guard */
        WATCH_EVENT,  /* observer.events.items[0], and the next numbers for the others: look at once */
        WATCH_FD_MAX = 15
};

static_assert(WATCH_EVENT + EVENTS_MAX <= WATCH_FD_MAX + 1, "the number stands in four bits");

static inline void *watch_token(struct watched *p, enum watch_fd what)
{
        return (char *)p + what;
}

static inline enum watch_fd watch_token_fd(const void *token)
{
        return (enum watch_fd)((uintptr_t)token & WATCH_FD_MAX);
}

static inline struct watched *watch_token_process(void *token)
{
        return (struct watched *)((char *)token - watch_token_fd(token));
}

#endif
