/* SPDX-License-Identifier: MIT */
/* call_frame - what has to lie on a stopped thread's stack so that it calls a function and finds back by itself.
 *
 * The way back is the kernel's own for signal handlers: an rt_sigframe with all the registers that the thread has now,
 * and rt_sigreturn(), called by libc's own restorer.  From the commit on the thread needs nobody: whatever becomes of us, the
 * function returns into the restorer and the thread goes on where it was, a system call included.  Before the commit
 * only memory below the stack pointer was written, which belongs to nobody.  No code is written, ever.
 *
 * rt_sigreturn() takes all registers, the result among them, and leaves errno, which is memory and must be as it was, too.
 * So on x86_64 the function returns through three ends of other functions of libc's, each of which takes its words from the
 * stack: one that stores rax through a register that functions preserve ("keeper"), one that pops those registers
 * ("popper"), and one that stores 32 bits of one of them through another ("putter"), which puts errno back:
 *
 *   mov %rax,(%rbx); pop %rbx; ret                                      48 89 03  5b  c3
 *   pop %rbx; pop %rbp; pop %r12; pop %r13; pop %r14; pop %r15; ret
 *   mov %ebp,(%rbx); pop %rbx; pop %rbp; ret                            89 2b  5b  5d  c3
 *
 * One file per machine, arch/MACHINE/call_frame.c.
 */
#ifndef SWANSONG_INJECTOR_CALL_CALL_FRAME_H
#define SWANSONG_INJECTOR_CALL_CALL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "base/unwind/unwind_machine.h"

#define CALL_ARGUMENTS     6
#define CALL_MEMORY_MAX    (16 * 1024) /* bytes of all arguments in memory */
#define CALL_REGISTERS_MAX (12 * 1024) /* vector and other extended registers; AMX's 8 KiB are refused */
#define CALL_IMAGE_MAX     (CALL_MEMORY_MAX + CALL_REGISTERS_MAX + 4096)

/* An instruction that stores VALUE at BASE + offset, and the end of its function.  Registers in the numbers of instructions. */
struct call_store {
        uint64_t address; /* 0: none */
        uint8_t base, value;
        int8_t offset;
        uint8_t words; /* so many are taken from the stack before it returns */
};

/* What the way back needs of the target's libc. */
struct call_way {
        uint64_t restorer;                /* address of the instructions that call rt_sigreturn() */
        struct call_store keeper, putter; /* x86_64 */
        uint64_t popper;                  /* x86_64 */
};

/* Look for it in code of libc's: n bytes that the target has at `address`.  Fills what it finds; true when all is there.
 * Works on bytes. */
bool call_way_find(const uint8_t *code, size_t n, uint64_t address, struct call_way *way);

/* Everything that rt_sigreturn() brings back. */
struct call_state {
        _Alignas(8) uint8_t gregs[ARCH_GREGS_MAX];
        _Alignas(64) uint8_t extended[CALL_REGISTERS_MAX];
        size_t extended_size;
        uint64_t signal_mask;
        uint64_t errno_at; /* where the thread has its errno; 0: not known */
        int32_t errno_was;
};

/* Of a stopped thread.  0; -ESRCH; -ENOTSUP: it has registers that could not be brought back (AMX in use). */
int call_state_read(pid_t tid, struct call_state *ret);

/* Where it is, for unwinding. */
void call_state_position(const struct call_state *s, struct unwind_regs *ret);

/* Is the thread in a system call, as far as the kernel says so?  One that was interrupted in it counts on x86_64 only. */
bool call_state_in_syscall(pid_t tid, const struct call_state *s);

/* A system call that the thread was in is begun again when it comes back: the registers are changed so.  After EINTR, too,
 * which the interrupt caused: only for calls that may be repeated (waiting_calls.def).  One that has returned already
 * goes on behind it. */
void call_state_restart(pid_t tid, struct call_state *s);

/* A function that returns a structure in memory takes its address as the first argument. */
struct call_argument {
        uint64_t number;
        void *memory; /* or this memory, copied to the thread's stack, and its address given */
        size_t bytes;
        bool back; /* and copied back when the function has returned */
};

struct call_frame {
        uint64_t address; /* in the target: the lowest byte of the image */
        size_t size;
        _Alignas(64) uint8_t image[CALL_IMAGE_MAX];
        uint64_t argument[CALL_ARGUMENTS];         /* the numbers, and where the memory lies */
        uint64_t result_at;                        /* x86_64 */
        uint64_t way_back_sp;                      /* the stack pointer when rt_sigreturn() is called */
        _Alignas(8) uint8_t gregs[ARCH_GREGS_MAX]; /* to be set: the commit */
};

/* 0, or -E2BIG: the arguments are too large.  Nothing of the thread is touched. */
int call_frame_build(const struct call_state *s, const struct call_way *way, uint64_t function,
                     const struct call_argument *arguments, size_t n, struct call_frame *ret);

/* The one step that matters: the registers.  0 or -errno. */
int call_frame_commit(pid_t tid, const struct call_frame *f);

/* At the beginning of a system call: is it the way back?  *ret_result: the function's, unless that lies at result_at. */
bool call_frame_returns(pid_t tid, const struct call_frame *f, uint64_t *ret_result);

#endif
