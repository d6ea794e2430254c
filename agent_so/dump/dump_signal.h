/* SPDX-License-Identifier: MIT */
/* dump_signal - the real-time signal that asks for a dump, and that threads are asked for their stacks with. */
#ifndef SWANSONG_AGENT_SO_DUMP_DUMP_SIGNAL_H
#define SWANSONG_AGENT_SO_DUMP_DUMP_SIGNAL_H

#include <stdbool.h>
#include <sys/types.h>

/* Take the signal, unless the program (or whoever started it) has something else in mind for it. */
void dump_signal_install(int signal_number);
bool dump_signal_installed(void);

/* Ask one thread of this process for its stack.  0 or -errno. */
int dump_signal_send(pid_t tid);

#endif
