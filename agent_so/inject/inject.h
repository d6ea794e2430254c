/* SPDX-License-Identifier: MIT */
/* inject - the agent's life in a process that it was loaded into while that ran (base/recorder/agent_entry.h is the way in).
 *
 *     dlopen()                 nothing but the constructor's look at where we are: quiet
 *     swansong_inject(text)    options, recorder, the hooks wanted
 *                              -> service thread (in a program with a single thread, and with thread=off: at once): hooks on
 *     swansong_detach()        the hooks not wanted any more
 *                              -> the same: hooks off, state DETACHED, the service thread ends; the recorder stays as it is
 *     swansong_inject(text)    live blocks are forgotten (who knows which were freed since), then as the first time; the
 *                              recorder goes on: same file, same stacks; dir= and size= stay what they were
 *
 * Our code stays loaded for ever (-z nodelete): threads may be in it, and pointers to it may have been copied.
 */
#ifndef SWANSONG_AGENT_SO_INJECT_INJECT_H
#define SWANSONG_AGENT_SO_INJECT_INJECT_H

#include <stdbool.h>
#include <stdint.h>

/* Are the hooks not yet as they were wanted? */
bool inject_pending(void);

/* The service's part; nothing in a process that was preloaded. */
void inject_serve(uint64_t now_ns);

#endif
