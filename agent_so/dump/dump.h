/* SPDX-License-Identifier: MIT */
/* dump - the agent's own dump: all threads' stacks, without ptrace, and malloc's statistics, into the recorder.
 *
 * Each thread is sent the dump signal with a mark of ours; its handler unwinds its own stack from the registers that the
 * kernel saved.  System calls that are never restarted after a handler return EINTR for it: docs/agent.md names them.
 */
#ifndef SWANSONG_AGENT_SO_DUMP_DUMP_H
#define SWANSONG_AGENT_SO_DUMP_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Ask for a dump.  `reason` may be NULL.  Async-signal-safe. */
void dump_ask(const char *reason);

/* Take what was asked for; without malloc's statistics in a signal handler.  Async-signal-safe then. */
void dump_take(bool with_malloc);

/* How many dumps are complete. */
uint64_t dump_count(void);

/* The calling thread's answer, from the handler. */
void dump_answer(const ucontext_t *context);

#endif
