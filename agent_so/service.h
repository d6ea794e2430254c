/* SPDX-License-Identifier: MIT */
/* service - what is done now and then: malloc statistics, history, dumps.  By a thread of the agent's own, in a program that
 * has several; in one that has a single thread by this one, at its samples.
 *
 * A second thread would cost a single-threaded program 3 % of its instructions: glibc's malloc and stdio, and libstdc++'s
 * shared_ptr, leave their locks and atomic operations out as long as there is only one (__libc_single_threaded, glibc 2.32).
 * And some system calls are for single-threaded programs only (unshare(CLONE_NEWUSER), setns()).
 *
 * Both ways begin with the eighth sample, from a stack where neither the C library nor the loader is on the way: there no lock
 * of theirs is held, and no signal handler is running.  The thread blocks all signals.  `thread=off` forbids it.
 */
#ifndef SWANSONG_AGENT_SERVICE_H
#define SWANSONG_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent_so/state.h"

enum service_state { SERVICE_NONE, SERVICE_STARTING, SERVICE_RUNNING, SERVICE_REFUSED };

/* In the constructor: later, dlsym() might wait for the loader's lock. */
void service_init(void);

/* Somebody above who has work for it, too: is there any, and do it.  It lasts. */
struct service_guest {
        bool (*waits)(void);
        void (*serve)(uint64_t now_ns);
};
void service_receive(const struct service_guest *g);

/* At a sample with this stack: is it time, and a good place, to start the thread or to do its work? */
void service_consider(const uint64_t *frames, unsigned n, bool cut, uint64_t now_ns);

static inline bool service_runs(void)
{
        return __atomic_load_n(&agent.service, __ATOMIC_ACQUIRE) == SERVICE_RUNNING;
}

/* Start the thread, if the program has several already and it is allowed: for who is called where that may be done.  true: it
 * runs, now or from before. */
bool service_start(void);

/* Tell it that agent.dump_pending has changed.  Async-signal-safe. */
void service_wake(void);

#endif
