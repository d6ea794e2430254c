/* SPDX-License-Identifier: MIT */
/* aarch64 - struct user_pt_regs (x0..x30, sp, pc, pstate); DWARF numbers from "DWARF for the Arm 64-bit
 * Architecture". */
#include "arch/arch.h"

#include <elf.h>

#if defined(__aarch64__)
#include <sys/procfs.h>
_Static_assert(sizeof(elf_gregset_t) == 272, "aarch64 general registers");
_Static_assert(sizeof(struct elf_prstatus) == 392, "aarch64 prstatus");
_Static_assert(offsetof(struct elf_prstatus, pr_pid) == 32 && offsetof(struct elf_prstatus, pr_reg) == 112,
               "aarch64 prstatus");
_Static_assert(sizeof(struct elf_prpsinfo) == 136, "aarch64 prpsinfo");
#endif

#define X(n)                                                                                                 \
        {                                                                                                    \
                "x" #n, n, 8 * n                                                                             \
        }
static const struct arch_reg regs[] = {
        X(0),
        X(1),
        X(2),
        X(3),
        X(4),
        X(5),
        X(6),
        X(7),
        X(8),
        X(9),
        X(10),
        X(11),
        X(12),
        X(13),
        X(14),
        X(15),
        X(16),
        X(17),
        X(18),
        X(19),
        X(20),
        X(21),
        X(22),
        X(23),
        X(24),
        X(25),
        X(26),
        X(27),
        X(28),
        X(29),
        X(30),
        {"sp", 31, 248},
        {"pc", -1, 256},
        {"pstate", -1, 264},
};

const struct arch arch_aarch64 = {
        .name = "aarch64",
        .e_machine = EM_AARCH64,
        .gregs_size = 272,
        .pt_regs_size = 272,
        .prstatus_size = 392,
        .prstatus_pid = 32,
        .prstatus_cursig = 12,
        .prstatus_reg = 112,
        .prpsinfo_size = 136,
        .pc = 256,
        .sp = 248,
        .red_zone = 0,
        .dwarf_regs = 32,
        .dwarf_pc = -1,
        .regs = regs,
        .n_regs = sizeof(regs) / sizeof(regs[0]),
};
