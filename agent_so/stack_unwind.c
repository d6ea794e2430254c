/* SPDX-License-Identifier: MIT */
#include "agent_so/stack_unwind.h"

#include <sched.h>

#include "base/cfi.h"
#include "agent_so/modules.h"
#include "agent_so/stack_memory.h"

#define ROWS_BITS 13 /* 128 KiB; cc1 has some 5,000 different return addresses on its stacks */

/* A row is valid when check ^ row == pc: two words written without a lock can be torn, but then they do not fit.  The
 * upper bits of a row are the generation it was read in. */
static struct {
        uint64_t check, row;
} rows[1 << ROWS_BITS];

static uint32_t rows_generation = 1;

static uint64_t row_tag(void)
{
        return (uint64_t)__atomic_load_n(&rows_generation, __ATOMIC_RELAXED) << CFI_PACKED_BITS;
}

/* Look pc up in its module's tables.  Not while a module is being unloaded: its tables may vanish under us. */
static struct cfi_row read_row(uintptr_t pc, bool *ret_keep)
{
        struct cfi_row row = {.kind = CFI_NONE};
        struct module_range module;

        *ret_keep = false;
        __atomic_fetch_add(&agent.reading, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&agent.unloading, __ATOMIC_SEQ_CST) == 0) {
                if (module_find(pc, &module)) {
                        cfi_find(pc, &(struct cfi_module){module.start, module.end, module.eh_frame_hdr},
                                 &row);
                        *ret_keep = modules_register(&module);
                } else {
                        *ret_keep = true; /* JIT code, or what is no code at all */
                }
        }
        __atomic_fetch_sub(&agent.reading, 1, __ATOMIC_SEQ_CST);
        return row;
}

static struct cfi_row find_row(uintptr_t pc)
{
        size_t slot = (size_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ROWS_BITS));
        uint64_t row = __atomic_load_n(&rows[slot].row, __ATOMIC_RELAXED);
        uint64_t check = __atomic_load_n(&rows[slot].check, __ATOMIC_RELAXED), tag = row_tag();
        struct cfi_row found;
        bool keep;

        if (likely((check ^ row) == pc && row >> CFI_PACKED_BITS == tag >> CFI_PACKED_BITS))
                return cfi_unpack(row);
        found = read_row(pc, &keep);
        if (keep) {
                row = cfi_pack(&found) | tag;
                __atomic_store_n(&rows[slot].row, row, __ATOMIC_RELAXED);
                __atomic_store_n(&rows[slot].check, row ^ pc, __ATOMIC_RELAXED);
        }
        return found;
}

/* One frame out.  false: the end, or the next frame cannot be found (*ret_end tells which). */
static bool step(struct unwind_regs *r, struct stack_memory *memory, bool exact_pc, bool *ret_signal,
                 bool *ret_end)
{
        struct cfi_row row = find_row(exact_pc ? r->pc : r->pc - 1);
        uintptr_t cfa, pc, fp = r->fp, extra = r->extra;

        *ret_signal = false;
        *ret_end = false;
        switch ((enum cfi_kind)row.kind) {
        case CFI_SP:
                cfa = r->sp + (uintptr_t)(intptr_t)row.offset;
                break;
        case CFI_FP:
                cfa = r->fp + (uintptr_t)(intptr_t)row.offset;
                break;
        case CFI_EXTRA:
                cfa = r->extra + (uintptr_t)(intptr_t)row.offset;
                break;
        case CFI_FP_DEREF:
                if (!stack_word(memory, r->fp + (uintptr_t)(intptr_t)row.offset, &cfa) ||
                    !stack_word(memory, r->fp + (uintptr_t)(intptr_t)row.fp * 8, &fp))
                        return false;
                row.fp = 0;
                break;
        case CFI_SIGNAL: {
                const ucontext_t *u = (const ucontext_t *)(r->sp + MACHINE_SIGNAL_UCONTEXT);
                uintptr_t first, last;

                if (!stack_word(memory, ((uintptr_t)u + 7) & ~(uintptr_t)7, &first) ||
                    !stack_word(memory, (uintptr_t)(&u->uc_mcontext + 1) & ~(uintptr_t)7, &last))
                        return false;
                unwind_regs_ucontext(u, r);
                *ret_signal = true;
                return r->pc != 0;
        }
        case CFI_END:
                *ret_end = true;
                return false;
        case CFI_NONE:
        default:
                /* The frame pointer's chain: saved pointer, return address. */
                if (r->fp < r->sp || !stack_word(memory, r->fp + 8, &pc) || !stack_word(memory, r->fp, &fp))
                        return false;
                cfa = r->fp + 16;
                goto found;
        }
        if (MACHINE_RA_IN_REGISTER) {
                pc = r->extra;
                if (row.extra && !stack_word(memory, cfa + (uintptr_t)(intptr_t)row.extra * 8, &pc))
                        return false;
        } else {
                if (!stack_word(memory, cfa - 8, &pc))
                        return false;
                if (row.extra && !stack_word(memory, cfa + (uintptr_t)(intptr_t)row.extra * 8, &extra))
                        return false;
        }
        if (row.fp && !stack_word(memory, cfa + (uintptr_t)(intptr_t)row.fp * 8, &fp))
                return false;
found:
        pc = machine_strip(pc);
        *ret_end = pc == 0;
        /* Outwards is upwards; only a signal's frame may be on another stack.  On AArch64 a leaf has no frame. */
        if (pc == 0 || cfa < r->sp || (cfa == r->sp && !(MACHINE_RA_IN_REGISTER && pc != r->pc)))
                return false;
        *r = (struct unwind_regs){
                .pc = pc, .sp = cfa, .fp = fp, .extra = MACHINE_RA_IN_REGISTER ? pc : extra};
        return true;
}

static bool is_agent(uintptr_t pc)
{
        return pc - agent_text_start < agent_text_end - agent_text_start;
}

unsigned stack_unwind(const struct unwind_regs *from, bool caller, uint64_t *frames, unsigned max,
                      bool *ret_cut)
{
        struct unwind_regs regs = *from;
        struct stack_memory memory = stack_memory_begin(regs.sp);
        bool exact = true, end = false, top = caller;
        unsigned n = 0;

        *ret_cut = true;
        if (!caller)
                frames[n++] = regs.pc;
        while (n < max) {
                bool was_exact = exact;

                if (!step(&regs, &memory, was_exact, &exact, &end)) {
                        *ret_cut = !end;
                        break;
                }
                top = top && is_agent(regs.pc);
                /* Readers look a frame up at address - 1; a PC that a signal interrupted is no return address. */
                if (!top)
                        frames[n++] = regs.pc + exact;
        }
        return n;
}

void stack_unwind_forget(void)
{
        __atomic_fetch_add(&rows_generation, 1, __ATOMIC_SEQ_CST);
}

void stack_unwind_unload_begin(void)
{
        __atomic_fetch_add(&agent.unloading, 1, __ATOMIC_SEQ_CST);
        /* A reader needs microseconds.  One that a signal interrupted may need longer, and may be ourselves: the wait
         * has an end. */
        for (unsigned i = 0; i < 1000 && __atomic_load_n(&agent.reading, __ATOMIC_SEQ_CST) != 0; i++)
                sched_yield();
}

void stack_unwind_unload_end(void)
{
        __atomic_fetch_sub(&agent.unloading, 1, __ATOMIC_SEQ_CST);
}
