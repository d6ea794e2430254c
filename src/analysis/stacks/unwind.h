/* SPDX-License-Identifier: MIT */
/* unwind - from a thread's registers to its call stack, frame by frame, out of the core's memory.
 *
 * One step: the row of call frame information for the PC (unwind_rules.h) gives the CFA and where the caller's
 * registers are.  Where there is none (JIT code, stripped assembly, a file that is not here) the frame pointer is
 * tried, as the machine's ABI lays it out.  What is found is what libdwfl finds, frame by frame; a test holds this.
 *
 * Traps: a return address may stand one byte behind its function (a call to a function that does not return),
 * so callers are looked up at pc - 1; but the frame below a signal handler was interrupted, not calling:
 * its PC is exact.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_UNWIND_H
#define SWANSONG_ANALYSIS_STACKS_UNWIND_H

#include "analysis/stacks/unwind_rules.h"

/* Deeper stacks are cut: a runaway recursion's first thousand frames tell the story. */
#define UNWIND_FRAMES_MAX 1024

struct unwind_frame {
        uint64_t pc;
        bool exact;      /* pc is the next instruction of an interrupted frame, not a return address */
        bool trampoline; /* the kernel's or libc's frame below a signal handler */
};

/* Where to look a frame up: inside the call for a return address. */
static inline uint64_t unwind_frame_lookup(const struct unwind_frame *f)
{
        return f->exact ? f->pc : f->pc - 1;
}

enum unwind_end {
        UNWIND_ROOT,      /* the thread's outermost frame */
        UNWIND_NO_MEMORY, /* the stack at `address` was not captured */
        UNWIND_NO_CFI,    /* no call frame information at `address`, and no frame pointer to follow */
        UNWIND_NO_REGS,   /* a register was needed that was not captured or not preserved */
        UNWIND_REPEATS,   /* the same frame again: a damaged stack */
        UNWIND_TOO_DEEP,
        UNWIND_WENT_ON, /* a step's answer only: this was not the end */
};

struct unwinder {
        const struct core *core;
        const struct modules *modules;
        const struct module_finder *finder;
        struct row_cache rows;
};

static inline struct unwinder unwinder_of(const struct modules *m, const struct module_finder *f)
{
        return (struct unwinder){.core = m->core, .modules = m, .finder = f};
}

struct unwind_result {
        size_t n_frames; /* at least 1, unless the PC itself is 0 */
        enum unwind_end end;
        uint64_t address; /* see enum unwind_end */
};

struct unwind_regs {
        uint64_t value[UNWIND_REGS]; /* by DWARF number */
        uint64_t valid;              /* bit N: value[N] is known */
        uint64_t pc;
};

/* The registers in a core's note.  only_pc_sp: the others are zero because they could not be had. */
void unwind_regs_load(const struct arch *arch, const void *gregs, bool only_pc_sp, struct unwind_regs *ret);

/* Unwind one thread into frames (room for UNWIND_FRAMES_MAX), innermost first.  0 or -ENOMEM. */
int unwind_thread(struct unwinder *u, const struct unwind_regs *start, struct unwind_frame *frames,
                  struct unwind_result *ret);

/* One step by the frame pointer (unwind_frame_pointer.c): UNWIND_WENT_ON and the caller's registers, or why
 * not. */
enum unwind_end unwind_by_frame_pointer(struct unwinder *u, const struct unwind_regs *now, bool innermost,
                                        struct unwind_regs *ret);

/* The address in a return address: on aarch64 its unused upper bits may hold a signature (pointer
 * authentication). */
uint64_t unwind_code_address(const struct unwinder *u, uint64_t pc);

/* 1 to 8 bytes of the target's memory, little-endian; for expressions: data is the unwinder. */
bool unwind_read(void *data, uint64_t address, unsigned bytes, uint64_t *ret);

#endif
