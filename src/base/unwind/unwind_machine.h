/* SPDX-License-Identifier: MIT */
/* unwind_machine - all that the unwinder must know about the machine it runs on.
 *
 * Register numbers are DWARF's (x86-64 psABI table 3.36, AArch64 DWARF ABI).  Signal frames: arch/x86/include/asm/
 * sigframe.h and arch/arm64/kernel/signal.c; a handler returns into the frame, at whose CFA lies the ucontext.
 */
#ifndef SWANSONG_BASE_UNWIND_UNWIND_MACHINE_H
#define SWANSONG_BASE_UNWIND_UNWIND_MACHINE_H

#include <elf.h>
#include <stdint.h>
#include <ucontext.h>

#if defined(__x86_64__)
enum {
        MACHINE_ELF = EM_X86_64,
        MACHINE_DWARF_SP = 7,
        MACHINE_DWARF_FP = 6,
        MACHINE_DWARF_RA = 16,
        MACHINE_DWARF_EXTRA = 3,     /* rbx: the frame of _dl_runtime_resolve() is told from it */
        MACHINE_RA_IN_REGISTER = 0,  /* a call pushes the return address */
        MACHINE_SIGNAL_UCONTEXT = 0, /* bytes from SP, when the handler has returned, to the ucontext */
};
#elif defined(__aarch64__)
enum {
        MACHINE_ELF = EM_AARCH64,
        MACHINE_DWARF_SP = 31,
        MACHINE_DWARF_FP = 29,
        MACHINE_DWARF_RA = 30,
        MACHINE_DWARF_EXTRA = -1,
        MACHINE_RA_IN_REGISTER = 1,
        MACHINE_SIGNAL_UCONTEXT = 128, /* behind the siginfo */
};
#else
#error "the unwinder knows no such machine"
#endif

/* What is followed from frame to frame. */
struct unwind_regs {
        uintptr_t pc, sp, fp;
        uintptr_t extra; /* x86-64: rbx; AArch64: x30 */
};

/* The caller's own registers, here and now. */
static inline __attribute__((always_inline)) void unwind_regs_here(struct unwind_regs *r)
{
#if defined(__x86_64__)
        __asm__ volatile("leaq 1f(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2\n\tmovq %%rbx, %3\n1:"
                         : "=&r"(r->pc), "=&r"(r->sp), "=&r"(r->fp), "=&r"(r->extra));
#else
        __asm__ volatile("adr %0, 1f\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30\n1:"
                         : "=&r"(r->pc), "=&r"(r->sp), "=&r"(r->fp), "=&r"(r->extra));
#endif
}

static inline void unwind_regs_ucontext(const ucontext_t *u, struct unwind_regs *r)
{
#if defined(__x86_64__)
        r->pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
        r->sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
        r->fp = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
        r->extra = (uintptr_t)u->uc_mcontext.gregs[REG_RBX];
#else
        r->pc = u->uc_mcontext.pc;
        r->sp = u->uc_mcontext.sp;
        r->fp = u->uc_mcontext.regs[29];
        r->extra = u->uc_mcontext.regs[30];
#endif
}

/* A return address may carry a signature (pointer authentication): XPACLRI, a hint that older machines ignore. */
static inline uintptr_t machine_strip(uintptr_t address)
{
#if defined(__aarch64__)
        register uintptr_t lr __asm__("x30") = address;

        __asm__("hint #7" : "+r"(lr));
        return lr;
#else
        return address;
#endif
}

#endif
