/* SPDX-License-Identifier: MIT */
/* unwind_expr - evaluate the DWARF expressions that call frame information holds.
 *
 * They are rare and short: the PLT's (is the PC behind the push?), and signal trampolines' (where in the
 * sigframe is the register?).  Operations that have no meaning in CFI (DWARF 5, 6.4.2) fail, as does
 * anything that needs a register or memory that was not captured.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_UNWIND_EXPR_H
#define SWANSONG_ANALYSIS_STACKS_UNWIND_EXPR_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct expr_state { /* what an expression may look at */
        bool (*read)(void *data, uint64_t address, unsigned bytes, uint64_t *ret);
        void *read_data;
        const uint64_t *regs;
        uint64_t valid;      /* bit N: regs[N] is known */
        const uint64_t *cfa; /* NULL while the CFA itself is computed */
};

/* The value on top of the stack at the end, or false. */
bool expr_evaluate(const struct expr_state *s, const Dwarf_Op *ops, size_t n_ops, uint64_t *ret);

#endif
