/* SPDX-License-Identifier: MIT */
/* unwind_frame_pointer - one step up the stack without call frame information. */
#include <elf.h>

#include "analysis/stacks/unwind.h"

/* Both machines' ABIs: the frame pointer points to the caller's frame pointer, and above it the return
 * address stands (System V AMD64 ABI, 3.2.2; AAPCS64, 6.4.6). */
static const struct frame_layout {
        uint16_t e_machine;
        uint8_t fp, sp; /* DWARF numbers */
        int8_t link;    /* register of a leaf's return address, -1: it is on the stack */
} layouts[] = {
        {EM_X86_64, 6, 7, -1},
        {EM_AARCH64, 29, 31, 30},
};

static const struct frame_layout *layout_of(uint16_t e_machine)
{
        for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
                if (layouts[i].e_machine == e_machine)
                        return &layouts[i];
        return NULL;
}

static void set(struct unwind_regs *regs, unsigned reg, uint64_t value)
{
        regs->value[reg] = value;
        regs->valid |= UINT64_C(1) << reg;
}

/* A call of a pointer that points nowhere: the return address is where the call has just put it. */
static enum unwind_end after_bad_call(struct unwinder *u, const struct frame_layout *l,
                                      struct unwind_regs *next)
{
        uint64_t address;

        if (l->link >= 0) {
                if (!(next->valid >> l->link & 1))
                        return UNWIND_NO_REGS;
                address = next->value[l->link];
        } else {
                if (!unwind_read(u, next->value[l->sp], 8, &address))
                        return UNWIND_NO_MEMORY;
                set(next, l->sp, next->value[l->sp] + 8);
        }
        if (!modules_find(u->modules, address))
                return UNWIND_NO_CFI;
        next->pc = address;
        return UNWIND_WENT_ON;
}

enum unwind_end unwind_by_frame_pointer(struct unwinder *u, const struct unwind_regs *now, bool innermost,
                                        struct unwind_regs *ret)
{
        const struct frame_layout *l = layout_of(u->core->arch->e_machine);
        uint64_t fp, caller_fp, address;

        if (!l)
                return UNWIND_NO_CFI;
        *ret = *now;
        if (innermost && !modules_find(u->modules, now->pc))
                return after_bad_call(u, l, ret);
        if (!(now->valid >> l->fp & 1))
                return UNWIND_NO_REGS;
        fp = now->value[l->fp];
        /* The chain goes up the stack; anything else is a register used for something else. */
        if (fp < now->value[l->sp] || (fp & 7) != 0 || !unwind_read(u, fp, 8, &caller_fp) ||
            !unwind_read(u, fp + 8, 8, &address))
                return UNWIND_NO_CFI;
        if (address != 0 && !modules_find(u->modules, unwind_code_address(u, address)))
                return UNWIND_NO_CFI;
        ret->valid = 0;
        set(ret, l->fp, caller_fp);
        set(ret, l->sp, fp + 16);
        ret->pc = address;
        return UNWIND_WENT_ON;
}
