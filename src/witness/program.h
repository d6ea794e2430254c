/* SPDX-License-Identifier: MIT */
/* program - the BPF program that sees a kill: what it does, as instructions.
 *
 * It runs in the kernel at the tracepoint oom:mark_victim (mm/oom_kill.c, mark_oom_victim()), in whoever has just failed to get memory,
 * and fills one witness_record: who is killed, who ran, that thread's registers in user mode (bpf_task_pt_regs(), Linux 5.15), and, if
 * it is one of the victim's own, the pages of its stack from the stack pointer on, as far as they are resident
 * (bpf_probe_read_user() does not wait for others).  Of a victim that does not run itself it has the registers only, as of when it last
 * entered the kernel.
 *
 * Written by hand: 100 instructions need neither a compiler for BPF nor libbpf and its libelf.  What they know of this kernel comes
 * from its BTF.
 */
#ifndef SWANSONG_WITNESS_PROGRAM_H
#define SWANSONG_WITNESS_PROGRAM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* Pages of 4 KiB, whatever the machine's are. */
#define WITNESS_PAGE        4096
#define WITNESS_STACK_BYTES (4 * WITNESS_PAGE)

/* Room for struct pt_regs' first part, which is the general register set's (x86_64: 168 bytes, aarch64: 272). */
#define WITNESS_REGISTERS_MAX 272

struct witness_record {
        uint64_t time_ns;                /* CLOCK_MONOTONIC */
        uint32_t victim_pid, victim_tid; /* in the initial PID namespace, like all here */
        uint32_t pid, tid;               /* who ran: for want of whose page it came to the kill */
        uint64_t stack_address;          /* below the stack pointer, at the beginning of its page */
        uint32_t stack_bytes; /* from there on; 0: it was another process that ran, or nothing is resident */
        uint32_t reserved;
        uint8_t registers[WITNESS_REGISTERS_MAX]; /* of `tid`; of `victim_tid` if pid is not victim_pid */
        uint8_t stack[WITNESS_STACK_BYTES];
};

struct program_facts {
        int ring_fd;
        int16_t task_pid, task_tgid; /* where they are in struct task_struct */
        uint16_t registers_size, sp; /* of struct pt_regs: what is copied of it, where the stack pointer is */
};

#define PROGRAM_MAX 128

/* The instructions, at most PROGRAM_MAX; how many. */
size_t program_make(const struct program_facts *facts, struct bpf_insn ret[PROGRAM_MAX]);

#endif
