/* SPDX-License-Identifier: MIT */
/* stack_unwind - the return addresses of a stack of this process, innermost first.
 *
 * May run anywhere: in malloc under the loader's lock, in a signal handler.  Takes no lock, allocates nothing.  A frame
 * costs a look-up in a small cache of rows (cfi.h) shared by all threads; what is not in it is read from the module's
 * .eh_frame.  Where there is none (JIT code) the frame pointer is followed.
 *
 * Whatever the rows say, memory is read only where it is known to be readable: a wrong row gives a wrong stack, never
 * a crash.
 */
#ifndef SWANSONG_AGENT_SO_STACKS_STACK_UNWIND_H
#define SWANSONG_AGENT_SO_STACKS_STACK_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/unwind/unwind_machine.h"

/* Fill frames[] from `from` on, at most `max`.  With `caller` frames of the agent itself at the top are left out and
 * all are return addresses; else frame 0 is from->pc.  Returns the number; *ret_cut: outermost frames are missing. */
unsigned stack_unwind(const struct unwind_regs *from, bool caller, uint64_t *frames, unsigned max,
                      bool *ret_cut);

/* Forget all rows: a module was unloaded. */
void stack_unwind_forget(void);

/* While a dlclose() is under way no table is read: enter waits until no reader is left. */
void stack_unwind_unload_begin(void);
void stack_unwind_unload_end(void);

#endif
