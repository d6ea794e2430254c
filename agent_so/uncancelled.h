/* SPDX-License-Identifier: MIT */
/* uncancelled - malloc() is no cancellation point, and stays none: open(), read(), close() and usleep(), which the agent calls in it, are.
 *
 * Without it a thread that somebody called pthread_cancel() for would end in an allocation, with the program's locks in its hands.
 *
 *     _uncancelled_ struct uncancelled before = uncancelled_begin();     to the end of the block
 */
#ifndef SWANSONG_AGENT_UNCANCELLED_H
#define SWANSONG_AGENT_UNCANCELLED_H

#include <pthread.h>

#include "base/cleanup.h"

struct uncancelled {
        int state, type;
};

static inline struct uncancelled uncancelled_begin(void)
{
        struct uncancelled before = {PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DEFERRED};

        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &before.type);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before.state);
        return before;
}

/* A thread that is to end at once does so in the second call: glibc's first one would forget to say PTHREAD_CANCELED for it. */
static inline void uncancelled_end(const struct uncancelled *before)
{
        pthread_setcancelstate(before->state, NULL);
        pthread_setcanceltype(before->type, NULL);
}

#define _uncancelled_ _cleanup_(uncancelled_end) __attribute__((unused))

#endif
