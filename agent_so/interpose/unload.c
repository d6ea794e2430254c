/* SPDX-License-Identifier: MIT */
/* unload - dlclose(), as the program calls it: afterwards the same addresses may be other code.
 *
 * dlopen() is not interposed: its meaning depends on who calls it (RPATH, namespace), and a module is listed anyway when it
 * is first seen on a stack. */
#include <dlfcn.h>

#include "agent_so/state.h"
#include "agent_so/modules/modules.h"
#include "agent_so/interpose/real.h"
#include "agent_so/stacks/stack_unwind.h"

EXPORT int dlclose(void *handle)
{
        static int (*next)(void *);
        int result;

        if (!next)
                next = (int (*)(void *))real_symbol("dlclose");
        if (agent.state != AGENT_ON)
                return next(handle);
        stack_unwind_unload_begin();
        result = next(handle); /* runs the program's destructors */
        if (agent.state == AGENT_ON && agent_enter()) {
                modules_check_unloaded();
                agent_leave();
        }
        stack_unwind_unload_end();
        return result;
}
