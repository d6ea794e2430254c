/* SPDX-License-Identifier: MIT */
/* x86_64 - struct user_regs_struct as in NT_PRSTATUS; DWARF numbers from the System V AMD64 ABI, figure 3.36.
 */
#include "arch/arch.h"

#include <elf.h>

#if defined(__x86_64__)
#include <sys/procfs.h>
_Static_assert(sizeof(elf_gregset_t) == 216, "x86_64 general registers");
_Static_assert(sizeof(struct elf_prstatus) == 336, "x86_64 prstatus");
_Static_assert(offsetof(struct elf_prstatus, pr_pid) == 32 && offsetof(struct elf_prstatus, pr_reg) == 112,
               "x86_64 prstatus");
_Static_assert(sizeof(struct elf_prpsinfo) == 136, "x86_64 prpsinfo");
#endif

static const struct arch_reg regs[] = {
        {"r15", 15, 0},   {"r14", 14, 8},       {"r13", 13, 16},      {"r12", 12, 24},
        {"rbp", 6, 32},   {"rbx", 3, 40},       {"r11", 11, 48},      {"r10", 10, 56},
        {"r9", 9, 64},    {"r8", 8, 72},        {"rax", 0, 80},       {"rcx", 2, 88},
        {"rdx", 1, 96},   {"rsi", 4, 104},      {"rdi", 5, 112},      {"orig_rax", -1, 120},
        {"rip", 16, 128}, {"cs", -1, 136},      {"eflags", -1, 144},  {"rsp", 7, 152},
        {"ss", -1, 160},  {"fs_base", -1, 168}, {"gs_base", -1, 176}, {"ds", -1, 184},
        {"es", -1, 192},  {"fs", -1, 200},      {"gs", -1, 208},
};

const struct arch arch_x86_64 = {
        .name = "x86_64",
        .e_machine = EM_X86_64,
        .gregs_size = 216,
        .pt_regs_size = 168, /* all but fs_base, gs_base and the segments */
        .prstatus_size = 336,
        .prstatus_pid = 32,
        .prstatus_cursig = 12,
        .prstatus_reg = 112,
        .prpsinfo_size = 136,
        .pc = 128,
        .sp = 152,
        .tp = 168,
        .red_zone = 128,
        .dwarf_regs = 17,
        .dwarf_pc = 16,
        .regs = regs,
        .n_regs = sizeof(regs) / sizeof(regs[0]),
};
