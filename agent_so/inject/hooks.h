/* SPDX-License-Identifier: MIT */
/* hooks - lead the calls of a running program to our functions, and back: its words in GOTs and the like, never its code.
 *
 * A preloaded agent is found first by the loader, and needs none of this.  One that was dlopen()ed goes through the loaded files:
 * every word that the loader filled with the address of, say, malloc gets the address of ours.  The word's value is what
 * counts, not its name: what is bound to another malloc (a library with an allocator of its own) stays so, and taking off is
 * the same walk the other way round, without a list of what was changed.
 *
 *   - A call that is not bound yet is led to us only if nothing else in the process could be meant by its name; else it is
 *     looked at again when the program may have called it.
 *   - Words below -z relro are written once the loader is done with them: it has then made them read-only, and so do we again.
 *   - The loader's lock on its list (dl_iterate_phdr) is held meanwhile: no file is unmapped under us.
 *   - Not reached: calls within one file that do not go through a table, copies of pointers that the program made before, other
 *     link-map namespaces (dlmopen), the loader's own blocks.  Blocks that come and go there are the program's as before.
 */
#ifndef SWANSONG_AGENT_SO_INJECT_HOOKS_H
#define SWANSONG_AGENT_SO_INJECT_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/recorder/recorder_layout.h"

/* Once, after real_resolve().  0; -ENOTSUP: the program has its allocator linked into itself, its calls go past any table;
 * -ENOEXEC: our own tables cannot be read. */
int hooks_init(void);

/* Put the hooks on, or take them off, at the next hooks_apply(). */
void hooks_want(bool on);
bool hooks_wanted(void);

/* Are they on, as of the last hooks_apply()?  As they were wanted last? */
bool hooks_on(void);
bool hooks_settled(void);

/* Is there anything to do: hooks_want() was called, or files were loaded since?  Takes the loader's lock for an instant. */
bool hooks_due(uint64_t now_ns);

/* Do it, here and now, until then (CLOCK_MONOTONIC; at least one file; UINT64_MAX: to the end).  0: it is done; -EINPROGRESS: time is
 * up, the next call goes on; -EBUSY: another thread is at it. */
int hooks_apply(uint64_t until_ns);

/* How many words lead to us, how many could not (yet). */
void hooks_report(struct recorder_header *h);

#endif
