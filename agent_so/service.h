/* SPDX-License-Identifier: MIT */
/* service - the agent's one thread: malloc statistics, history, dumps.
 *
 * It begins with the eighth sample (a program which allocates less than some 4 MiB stays as single-threaded as it is), from a
 * stack where neither the C library nor the loader is on the way: there no lock of theirs is held that pthread_create()
 * needs.  It blocks all signals.  `thread=off` forbids it.
 */
#ifndef SWANSONG_AGENT_SERVICE_H
#define SWANSONG_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

enum service_state { SERVICE_NONE, SERVICE_STARTING, SERVICE_RUNNING, SERVICE_REFUSED };

/* At a sample with this stack: is it time and a good place to start? */
void service_consider(const uint64_t *frames, unsigned n, bool cut);

bool service_runs(void);

/* Tell it that agent.dump_pending has changed.  Async-signal-safe. */
void service_wake(void);

#endif
