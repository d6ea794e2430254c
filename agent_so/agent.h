/* SPDX-License-Identifier: MIT */
/* agent - the recorder of this process: is it there, is it to be there?  The rest is called by nobody: constructor, fork, exit. */
#ifndef SWANSONG_AGENT_H
#define SWANSONG_AGENT_H

#include "agent_so/state.h"

/* The process's recorder is there and takes samples; makes it at need.  Call it inside. */
bool agent_ready_slow(void);

static inline __attribute__((always_inline)) bool agent_ready(void)
{
        return likely(__atomic_load_n(&agent.state, __ATOMIC_ACQUIRE) == AGENT_ON) || agent_ready_slow();
}

/* Begin to record: what the constructor of a preloaded agent does last.  0, or -errno and in words what could not be had. */
int agent_begin(const char **ret_why);

/* Children of a fork make recorders of their own, or not. */
void agent_allow(bool allow);

#endif
