/* SPDX-License-Identifier: MIT */
/* history - the process's size over time, finer for what is near and coarser for what is long ago. */
#ifndef SWANSONG_AGENT_SO_RECORDER_HISTORY_H
#define SWANSONG_AGENT_SO_RECORDER_HISTORY_H

#include <stdint.h>

#include "agent_so/state.h"

/* Take a sample of the process's size into the levels where one is due. */
void history_take(uint64_t now_ns);

/* The same from the sampling path, where there is no service thread: at most once a second. */
void history_consider_slow(uint64_t now_ns);

static inline void history_consider(uint64_t now_ns)
{
        if (unlikely(now_ns >= __atomic_load_n(&agent.history_ns, __ATOMIC_RELAXED)))
                history_consider_slow(now_ns);
}

#endif
