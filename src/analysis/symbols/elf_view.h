/* SPDX-License-Identifier: MIT */
/* elf_view - an ELF file seen through a filter: libdw is shown only the debug sections that are wanted, inflated.
 *
 * libdw inflates every compressed .debug_* section as it opens a file, and zlib takes its time: 65 ms for libc's, which
 * is most of what reading lines costs.  So what is not wanted gets the type SHT_NOBITS, which libdw passes over,
 * and what is wanted is inflated here, by libdeflate, which is three times as fast.  Both happen in a private
 * mapping: the file itself never changes.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_ELF_VIEW_H
#define SWANSONG_ANALYSIS_SYMBOLS_ELF_VIEW_H

#include <libelf.h>
#include <stdbool.h>

struct elf_view {
        Elf *elf;        /* NULL: the file is no ELF file */
        void **inflated; /* memory that elf's sections point to */
        size_t n_inflated;
};

/* Open the ELF file fd with every .debug_*, .zdebug_* hidden but those of `names` (without the prefix:
 * "frame", "info"), a NULL-terminated list.  What cannot be inflated here is left to libdw, but for what would need more than 2 GiB:
 * that is hidden, too (a file of the target may be made for it). */
struct elf_view elf_view_open(int fd, const char *const *names);
void elf_view_close(struct elf_view *v);

/* Does the file have the section .debug_NAME (or .zdebug_NAME), with bytes? */
bool elf_has_debug(Elf *elf, const char *name);

/* The first section with that name and with bytes, or NULL. */
Elf_Scn *elf_section(Elf *elf, const char *name);

#endif
