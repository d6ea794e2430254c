/* SPDX-License-Identifier: MIT */
/* agent_ask - where ptrace is refused: ask the target's agent, by its signal, to take all threads' stacks itself.
 *
 * Changes nothing but what the signal does (docs/agent.md names the system calls that see EINTR).  Under Yama the agent also
 * permits the one who signalled to trace: then everything after goes the usual way. */
#ifndef SWANSONG_CLI_AGENT_ASK_H
#define SWANSONG_CLI_AGENT_ASK_H

#include "base/target.h"

enum agent_answer {
        AGENT_NOT_NEEDED, /* ptrace is permitted */
        AGENT_NONE,       /* there is no agent, or it takes no signal */
        AGENT_SILENT,     /* asked, but it did not answer in time */
        AGENT_ANSWERED,   /* the stacks are in its recorder now */
};

enum agent_answer agent_ask(const struct target *t);

#endif
