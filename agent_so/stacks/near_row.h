/* SPDX-License-Identifier: MIT */
/* near_row - rows of unwind information for the frames that nearly all frames are.
 *
 * A frame is near when its CFA is told from SP (or FP, with FP saved right below the return address), and all that was saved
 * lies between SP and CFA.  Its row has a form that takes few instructions to follow; in units of 8 bytes:
 *
 *     bit 63 told from SP | 62 from FP | 32..47 extra is saved so far below the CFA, 0: not | 16..31 FP | 0..15 from SP or FP to the CFA
 *
 * All other rows are cfi_pack()'s, whose bits 62 and 63 are clear. */
#ifndef SWANSONG_AGENT_SO_STACKS_NEAR_ROW_H
#define SWANSONG_AGENT_SO_STACKS_NEAR_ROW_H

#include "agent_so/state.h"
#include "base/unwind/cfi.h"
#include "base/unwind/unwind_machine.h"

#define NEAR_SP (UINT64_C(1) << 63)
#define NEAR_FP (UINT64_C(1) << 62)

static inline bool near_is(const struct cfi_row *row)
{
        if (row->offset <= 0 || row->offset % 8 != 0 || row->offset / 8 > UINT16_MAX)
                return false;
        if (row->kind == CFI_FP)
                return !MACHINE_RA_IN_REGISTER && row->offset == 16 && row->fp == -2 && row->extra <= 0;
        return row->kind == CFI_SP && row->fp <= 0 && row->extra <= 0 && -row->fp <= row->offset / 8 &&
               -row->extra <= row->offset / 8;
}

static inline uint64_t near_pack(const struct cfi_row *row)
{
        if (!near_is(row))
                return cfi_pack(row);
        return (row->kind == CFI_FP ? NEAR_FP : NEAR_SP) | (uint64_t)-row->extra << 32 |
               (uint64_t)-row->fp << 16 | (uint64_t)row->offset / 8;
}

static inline struct cfi_row near_unpack(uint64_t w)
{
        if (!(w & (NEAR_SP | NEAR_FP)))
                return cfi_unpack(w);
        return (struct cfi_row){.kind = w & NEAR_FP ? CFI_FP : CFI_SP,
                                .offset = (int32_t)(w & 0xffff) * 8,
                                .fp = (int16_t) - (int32_t)(w >> 16 & 0xffff),
                                .extra = (int16_t) - (int32_t)(w >> 32 & 0xffff)};
}

/* Is it the outermost frame's? */
static inline bool near_is_end(uint64_t row)
{
        return !(row & (NEAR_SP | NEAR_FP)) && cfi_kind_of(row) == CFI_END;
}

/* Where the row says that a register was saved, relative to the CFA in words; 0: it was not. */
static inline int64_t near_fp(uint64_t row)
{
        return -(int64_t)(row >> 16 & 0xffff);
}

static inline int64_t near_extra(uint64_t row)
{
        return -(int64_t)(row >> 32 & 0xffff);
}

/* One near frame out; what lies between SP and `to` is known to be readable.  false: nothing has changed; who knows all rows is to be asked. */
static inline bool near_step(struct unwind_regs *r, uintptr_t to, uint64_t row)
{
        int64_t fp_at = near_fp(row), extra_at = near_extra(row);
        uintptr_t cfa = r->sp, pc, extra = r->extra;

        if (unlikely(!(row & NEAR_SP))) {
                if (!(row & NEAR_FP))
                        return false;
                cfa = r->fp;
                if ((cfa & 7) || cfa > to || cfa < r->sp || cfa + 16 + (uintptr_t)(8 * extra_at) < r->sp)
                        return false;
        }
        cfa += 8 * (row & 0xffff); /* half a MiB at most: cannot overflow */
        if (unlikely(cfa > to))
                return false;
        if (extra_at)
                extra = ((const uintptr_t *)cfa)[extra_at];
        pc = machine_strip(MACHINE_RA_IN_REGISTER ? extra : ((const uintptr_t *)cfa)[-1]);
        if (unlikely(pc == 0))
                return false;
        if (fp_at)
                r->fp = ((const uintptr_t *)cfa)[fp_at];
        r->pc = pc;
        r->sp = cfa;
        r->extra = MACHINE_RA_IN_REGISTER ? pc : extra;
        return true;
}

#endif
