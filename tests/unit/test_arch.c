/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

#include "arch/arch.h"

static const struct arch *const all[] = {&arch_x86_64, &arch_aarch64};

Test(arch, tables_are_consistent_on_every_host)
{
        for (size_t i = 0; i < 2; i++) {
                const struct arch *a = all[i];
                unsigned seen = 0;

                cr_expect_eq(arch_by_machine(a->e_machine), a);
                cr_expect_leq(a->gregs_size, ARCH_GREGS_MAX);
                cr_expect_leq(a->sp + 8, a->pt_regs_size);
                cr_expect_leq(a->pt_regs_size, a->gregs_size);
                cr_expect_leq(a->sp + 8, a->pt_regs_size);
                cr_expect_leq(a->pt_regs_size, a->gregs_size);
                cr_expect_leq(a->prstatus_reg + a->gregs_size, a->prstatus_size);
                cr_expect_eq(a->n_regs * 8, a->gregs_size, "%s: every register is named", a->name);
                for (size_t r = 0; r < a->n_regs; r++) {
                        cr_expect_leq(a->regs[r].offset + 8, a->gregs_size);
                        if (a->regs[r].dwarf >= 0 && a->regs[r].dwarf < a->dwarf_regs)
                                seen++;
                }
                cr_expect_eq(seen, a->dwarf_regs, "%s: every DWARF register that unwinding needs has a place",
                             a->name);
        }
        cr_expect_null(arch_by_machine(EM_386));
        cr_expect_not_null(arch_host());
}

Test(arch, pc_and_sp_are_where_their_names_say)
{
        for (size_t i = 0; i < 2; i++)
                for (size_t r = 0; r < all[i]->n_regs; r++) {
                        const struct arch_reg *reg = &all[i]->regs[r];

                        if (strcmp(reg->name, "rip") == 0 || strcmp(reg->name, "pc") == 0)
                                cr_expect_eq(reg->offset, all[i]->pc);
                        if (strcmp(reg->name, "rsp") == 0 || strcmp(reg->name, "sp") == 0)
                                cr_expect_eq(reg->offset, all[i]->sp);
                }
}
