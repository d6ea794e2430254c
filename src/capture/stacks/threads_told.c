/* SPDX-License-Identifier: MIT */
/* threads_told - a thread of a process that is gone, as somebody else saw it. */
#include <string.h>

#include "capture/stacks/threads_internal.h"

void threads_take_told(struct thread_capture *c, const struct told_thread *told)
{
        const struct arch *arch = c->stacks.arch;
        struct thread_copy *t = &c->stacks.threads[0];
        unsigned char *registers = stacks_registers(&c->stacks, 0);

        c->condition = (struct condition){0};
        c->tracees.n = 1;
        c->tracees.list[0] = (struct tracee){.tid = told->tid, .state = TRACEE_GONE};
        memset(registers, 0, arch->gregs_size);
        memcpy(registers, told->registers,
               told->registers_size < arch->gregs_size ? told->registers_size : arch->gregs_size);
        *t = (struct thread_copy){.tid = told->tid,
                                  .how = HOW_WITNESS,
                                  .pc = arch_get(registers, arch->pc),
                                  .sp = arch_get(registers, arch->sp)};
        c->told = told->stack;
}
