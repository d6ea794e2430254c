/* SPDX-License-Identifier: MIT */
/* uncancelled - malloc() is no cancellation point, and stays none: open(), read(), close() and usleep(), which the agent calls in it, are.
 *
 * Without it a thread that somebody called pthread_cancel() for would end in an allocation, with the program's locks in its hands.
 *
 *     _uncancelled_ int before = uncancelled_begin();     to the end of the block
 */
#ifndef SWANSONG_AGENT_UNCANCELLED_H
#define SWANSONG_AGENT_UNCANCELLED_H

#include <pthread.h>

#include "base/cleanup.h"

static inline int uncancelled_begin(void)
{
        int before = PTHREAD_CANCEL_ENABLE;

        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
        return before;
}

static inline void uncancelled_end(const int *before)
{
        pthread_setcancelstate(*before, NULL);
}

#define _uncancelled_ _cleanup_(uncancelled_end) __attribute__((unused))

#endif
