/* SPDX-License-Identifier: MIT */
/* elf_view - an ELF file seen through a filter: libdw is shown only the debug sections that are wanted.
 *
 * libdw inflates every compressed .debug_* section as it opens a file (libc's take 65 ms, of which lines need a
 * tenth).  A section that is not wanted gets the type SHT_NOBITS in a private mapping: libdw passes over it.  The
 * file itself never changes.
 */
#ifndef SWANSONG_ANALYSIS_ELF_VIEW_H
#define SWANSONG_ANALYSIS_ELF_VIEW_H

#include <libelf.h>
#include <stdbool.h>

/* Open the ELF file fd with every .debug_*, .zdebug_* hidden but those of `names` (without the prefix:
 * "frame", "info"), a NULL-terminated list.  NULL when it is no ELF file.  End with elf_end(). */
Elf *elf_view_open(int fd, const char *const *names);

/* Does the file have the section .debug_NAME (or .zdebug_NAME), with bytes? */
bool elf_has_debug(Elf *elf, const char *name);

/* The first section with that name and with bytes, or NULL. */
Elf_Scn *elf_section(Elf *elf, const char *name);

#endif
