/* SPDX-License-Identifier: MIT */
/* inject - load a library (the agent) into a running process, and tell it to begin or to stop.
 *
 * A thread of the process calls dlopen(), dlsym() and the library's entry function (base/recorder/agent_entry.h): remote_call.h says
 * how that leaves nothing behind.  A library that the process cannot see, in another mount namespace, or may not read, is
 * handed over as a memfd of its own and loaded through /proc/self/fd; the descriptor is closed again.
 */
#ifndef SWANSONG_INJECTOR_CALL_INJECT_H
#define SWANSONG_INJECTOR_CALL_INJECT_H

#include "injector/call/call_target.h"

struct inject_request {
        const char *library; /* absolute path, here */
        const char *options; /* for the agent */
        bool detach;
        uint64_t wait_ns; /* to find a thread for it */
        uint64_t call_ns; /* for each call */
};

struct inject_outcome {
        bool already;      /* it recorded already, or had been detached */
        bool as_memfd;     /* loaded now, and so */
        bool loaded;       /* by us, now */
        pid_t tid;         /* the thread that made the calls, the first ones */
        unsigned turns;    /* a program's thread is not away for long at a time */
        uint64_t pause_ns; /* the longest of them */
};

/* Is the agent among the process's mappings? */
bool inject_is_loaded(const struct call_target *target);

/* 0, or -errno with d filled: -ENOTSUP, -EBUSY: refused, nothing was done; -ETIMEDOUT: a call did not return in time, and
 * goes on by itself; -ELIBACC: dlopen() refused, d has its words; -ENOEXEC: loaded, but the agent has no such entry; other: the agent's
 * own answer. */
int inject_run(const struct call_target *target, const struct inject_request *request,
               struct inject_outcome *ret, struct diag *d);

#endif
