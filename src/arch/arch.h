/* SPDX-License-Identifier: MIT */
/* arch - what differs between machines, as data.
 *
 * Every table is built on every host and chosen by e_machine, so that an aarch64 bundle is read on x86_64.
 * Code that needs the machine itself (ptrace, instructions) is in injector/arch/.
 */
#ifndef SWANSONG_ARCH_ARCH_H
#define SWANSONG_ARCH_ARCH_H

#include <stddef.h>
#include <stdint.h>

struct arch_reg {
        const char *name;
        int16_t dwarf;   /* register number in the machine's DWARF ABI, -1 if it has none */
        uint16_t offset; /* bytes into the general register set (NT_PRSTATUS's pr_reg) */
};

struct arch {
        const char *name;         /* uname -m */
        uint16_t e_machine;       /* EM_* of elf.h */
        uint16_t gregs_size;      /* sizeof(elf_gregset_t), bytes */
        uint16_t pt_regs_size;    /* how much of it the kernel's struct pt_regs begins with */
        uint16_t prstatus_size;   /* sizeof(struct elf_prstatus) */
        uint16_t prstatus_pid;    /* offset of pr_pid */
        uint16_t prstatus_cursig; /* offset of pr_cursig */
        uint16_t prstatus_reg;    /* offset of pr_reg */
        uint16_t prpsinfo_size;
        uint16_t pc, sp;     /* offsets into the general register set */
        uint16_t tp;         /* thread pointer: offset there, 0 if it is in another set */
        uint16_t red_zone;   /* bytes below sp that belong to the running function */
        uint16_t dwarf_regs; /* DWARF registers 0..dwarf_regs-1 suffice to unwind */
        int16_t dwarf_pc;    /* DWARF number that stands for the return address, -1 if the PC is extra */
        const struct arch_reg *regs;
        size_t n_regs;
};

/* Largest gregs_size of all machines. */
#define ARCH_GREGS_MAX 512

extern const struct arch arch_x86_64;
extern const struct arch arch_aarch64;

/* The table for an ELF e_machine, or NULL. */
const struct arch *arch_by_machine(uint16_t e_machine);

/* The table of the machine that this program was built for. */
const struct arch *arch_host(void);

/* A 64-bit register out of a general register set. */
static inline uint64_t arch_get(const void *gregs, uint16_t offset)
{
        uint64_t value;

        __builtin_memcpy(&value, (const char *)gregs + offset, sizeof(value));
        return value;
}

#endif
