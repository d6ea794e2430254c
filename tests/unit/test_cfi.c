/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "base/unwind/cfi.h"
#include "base/unwind/unwind_machine.h"

/* A loaded file: as we see it, and as libdw does. */
struct loaded {
        struct cfi_module module;
        uintptr_t bias, text_start, text_end;
        const char *path;
};

static int describe(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct loaded *l = arg, found = {.bias = info->dlpi_addr, .path = info->dlpi_name};

        (void)size;
        found.module.start = UINTPTR_MAX;
        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                uintptr_t at = info->dlpi_addr + p->p_vaddr;

                if (p->p_type == PT_LOAD) {
                        if (at < found.module.start)
                                found.module.start = at;
                        if (at + p->p_memsz > found.module.end)
                                found.module.end = at + p->p_memsz;
                        if (p->p_flags & PF_X) {
                                found.text_start = at;
                                found.text_end = at + p->p_memsz;
                        }
                } else if (p->p_type == PT_GNU_EH_FRAME) {
                        found.module.eh_frame_hdr = (const uint8_t *)at;
                }
        }
        if (l->path ? strstr(found.path, l->path) == NULL : found.path[0] != '\0')
                return 0;
        if (found.path[0] == '\0')
                found.path = "/proc/self/exe";
        *l = found;
        return 1;
}

/* CFA = register + offset, or what is told otherwise. */
static bool plain_cfa(Dwarf_Frame *frame, int64_t *ret_register, int64_t *ret_offset)
{
        Dwarf_Op *ops;
        size_t n;

        if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n != 1)
                return false;
        if (ops[0].atom == DW_OP_bregx) {
                *ret_register = (int64_t)ops[0].number;
                *ret_offset = (int64_t)ops[0].number2;
        } else if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
                *ret_register = ops[0].atom - DW_OP_breg0;
                *ret_offset = (int64_t)ops[0].number;
        } else {
                return false;
        }
        return true;
}

/* Where a register is saved, relative to the CFA; 0: it is not. */
static bool saved_at(Dwarf_Frame *frame, int reg, int64_t *ret_offset)
{
        Dwarf_Op memory[3], *ops;
        size_t n;

        if (dwarf_frame_register(frame, reg, memory, &ops, &n) != 0)
                return false;
        *ret_offset = 0;
        if (n == 0)
                return ops == NULL; /* the same value; else undefined */
        if (n != 2 || ops[0].atom != DW_OP_call_frame_cfa || ops[1].atom != DW_OP_plus_uconst)
                return false;
        *ret_offset = (int64_t)ops[1].number;
        return true;
}

/* Every address with a plain row in libdw has the same row here; the number of them. */
static unsigned compare(struct loaded *l, unsigned step)
{
        int fd = open(l->path, O_RDONLY | O_CLOEXEC);
        unsigned compared = 0;

        elf_version(EV_CURRENT);
        Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
        Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);

        cr_assert(cfi, "%s has no .eh_frame", l->path);
        for (uintptr_t pc = l->text_start; pc < l->text_end; pc += step) {
                int64_t reg, offset, fp, extra;
                Dwarf_Frame *frame;
                struct cfi_row row;
                Dwarf_Addr start, end;
                bool signal;

                if (dwarf_cfi_addrframe(cfi, pc - l->bias, &frame) != 0) {
                        cr_assert(!cfi_find(pc, &l->module, &row), "%s+%#lx: a row out of nowhere", l->path,
                                  (unsigned long)(pc - l->bias));
                        continue;
                }
                if (dwarf_frame_info(frame, &start, &end, &signal) >= 0 && !signal &&
                    plain_cfa(frame, &reg, &offset) && (reg == MACHINE_DWARF_SP || reg == MACHINE_DWARF_FP) &&
                    saved_at(frame, MACHINE_DWARF_FP, &fp) &&
                    saved_at(frame, MACHINE_RA_IN_REGISTER ? MACHINE_DWARF_RA : MACHINE_DWARF_EXTRA,
                             &extra) &&
                    cfi_find(pc, &l->module, &row) && row.kind != CFI_END) {
                        cr_assert(row.kind == (reg == MACHINE_DWARF_SP ? CFI_SP : CFI_FP) &&
                                          row.offset == offset && row.fp * 8 == fp && row.extra * 8 == extra,
                                  "%s+%#lx: ours %d%+d fp %d extra %d, libdw's %d%+d fp %d extra %d", l->path,
                                  (unsigned long)(pc - l->bias), row.kind, row.offset, row.fp * 8,
                                  row.extra * 8, (int)reg, (int)offset, (int)fp, (int)extra);
                        compared++;
                }
                free(frame);
        }
        dwarf_cfi_end(cfi);
        elf_end(elf);
        close(fd);
        return compared;
}

Test(cfi, rows_are_those_of_libdw)
{
        static const char *const paths[] = {NULL, "/libc.so.6"};

        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
                struct loaded l = {.path = paths[i]};
                unsigned compared;

                cr_assert(dl_iterate_phdr(describe, &l) == 1);
                compared = compare(&l, 61);
                cr_assert(compared > 1000, "%s: only %u", l.path, compared);
        }
}

Test(cfi, packed_rows_are_the_same_rows)
{
        static const struct cfi_row rows[] = {
                {CFI_SP, 8, 0, 0},
                {CFI_FP, 16, -2, -3},
                {CFI_FP_DEREF, -8, 0, -2048},
                {CFI_SP, (1 << 23) - 1, -2048, 2047},
                {CFI_EXTRA, -(1 << 23), 2047, -1},
                {CFI_END, 0, 0, 0},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint64_t word = cfi_pack(&rows[i]);
                struct cfi_row row = cfi_unpack(word);

                cr_assert(row.kind == rows[i].kind && row.offset == rows[i].offset && row.fp == rows[i].fp &&
                          row.extra == rows[i].extra);
                cr_assert(cfi_offset_of(word) == rows[i].offset && cfi_fp_of(word) == rows[i].fp * 8 &&
                          cfi_extra_of(word) == rows[i].extra * 8);
        }
}
