/* SPDX-License-Identifier: MIT */
#include "agent_so/stacks/stack_unwind.h"

#include <sched.h>

#include "base/unwind/cfi.h"
#include "agent_so/modules/modules.h"
#include "agent_so/stacks/near_row.h"
#include "agent_so/stacks/stack_memory.h"

#define SLOW __attribute__((noinline, cold))

#define ROWS_BITS 13 /* 128 KiB; cc1 has some 5,000 different return addresses on its stacks */

/* A row is valid when check ^ row == key: two words written without a lock can be torn, but then they do not fit.  The key
 * is made of the pc and of the generation in which the row was read. */
static struct {
        uint64_t check, row;
} rows[1 << ROWS_BITS];

static uint64_t rows_generation = 1;

/* What is xored with a pc to make its key: another for each generation. */
static uint64_t rows_salt(void)
{
        return __atomic_load_n(&rows_generation, __ATOMIC_RELAXED) * UINT64_C(0xd6e8feb86659fd93);
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

static SLOW uint64_t read_packed(uintptr_t pc, uint64_t salt, size_t slot)
{
        bool keep;
        struct cfi_row found = read_row(pc, &keep);
        uint64_t row = near_pack(&found);

        if (keep) {
                __atomic_store_n(&rows[slot].row, row, __ATOMIC_RELAXED);
                __atomic_store_n(&rows[slot].check, row ^ pc ^ salt, __ATOMIC_RELAXED);
        }
        return row;
}

/* The packed row for pc. */
static inline uint64_t find_row(uintptr_t pc, uint64_t salt)
{
        size_t slot = (size_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ROWS_BITS));
        uint64_t row = __atomic_load_n(&rows[slot].row, __ATOMIC_RELAXED);

        if (likely((__atomic_load_n(&rows[slot].check, __ATOMIC_RELAXED) ^ row) == (pc ^ salt)))
                return row;
        return read_packed(pc, salt, slot);
}

/* One frame out.  false: the end, or the next frame cannot be found (*ret_end tells which). */
static SLOW bool step(struct unwind_regs *r, struct stack_memory *memory, uint64_t packed, bool *ret_signal,
                      bool *ret_end)
{
        struct cfi_row row = near_unpack(packed);
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

/* step() for a caller whose own copies stay in registers. */
static SLOW bool step_far(struct unwind_regs *regs, struct stack_memory *memory, uint64_t row,
                          bool *ret_exact, bool *ret_cut)
{
        bool end;

        if (step(regs, memory, row, ret_exact, &end))
                return true;
        *ret_cut = !end;
        return false;
}

/* Up to where near_step() may read. */
static uintptr_t near_to(const struct unwind_regs *r, const struct stack_memory *m)
{
        return r->sp >= m->from && r->sp % 8 == 0 ? m->to : 0;
}

unsigned stack_unwind(const struct unwind_regs *from, bool caller, uint64_t *frames, unsigned max,
                      bool *ret_cut)
{
        struct unwind_regs regs = *from;
        struct stack_memory memory = stack_memory_begin(regs.sp);
        uint64_t salt = rows_salt();
        uintptr_t to = near_to(&regs, &memory), exact = 1; /* 0: pc is a return address */
        bool top = caller;
        unsigned n = 0;

        *ret_cut = true;
        if (!caller)
                frames[n++] = regs.pc;
        while (n < max) {
                uint64_t row = find_row(regs.pc - 1 + exact, salt);

                if (likely(near_step(&regs, to, row))) {
                        exact = 0;
                } else if (near_is_end(row)) {
                        *ret_cut = false;
                        break;
                } else {
                        struct unwind_regs far_regs = regs;
                        struct stack_memory far_memory = memory;
                        bool signal;

                        if (!step_far(&far_regs, &far_memory, row, &signal, ret_cut))
                                break;
                        regs = far_regs;
                        memory = far_memory;
                        to = near_to(&regs, &memory);
                        exact = signal;
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
                if (!agent_sealed)
                        sched_yield();
}

void stack_unwind_unload_end(void)
{
        __atomic_fetch_sub(&agent.unloading, 1, __ATOMIC_SEQ_CST);
}
