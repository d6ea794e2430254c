/* SPDX-License-Identifier: MIT */
/* elf_brief - what an ELF file has, from its headers alone: is it dynamic, has it symbols, was it made by Go?
 *
 * For swansong's own half, which links no ELF library.  64-bit files of this machine's byte order; a few preads, nothing is
 * mapped or allocated.  A damaged file has nothing.
 */
#ifndef SWANSONG_BASE_ELF_BRIEF_H
#define SWANSONG_BASE_ELF_BRIEF_H

#include <stdbool.h>

struct elf_brief {
        bool dynamic;    /* it names a dynamic linker (PT_INTERP) */
        bool symbols;    /* .symtab: names of all functions */
        bool mini;       /* .gnu_debugdata: names of functions, compressed */
        bool debug_info; /* .debug_info: lines and inlined functions */
        bool go;         /* made by the Go compiler (.go.buildinfo) */
        bool musl;       /* its dynamic linker is musl's */
};

/* 0; -EINVAL: no such file; -errno of reading. */
int elf_brief_read(int fd, struct elf_brief *ret);

#endif
