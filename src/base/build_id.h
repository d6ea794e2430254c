/* SPDX-License-Identifier: MIT */
/* build_id - the build ID in the first bytes of an ELF file, as they lie in the file or in memory.
 *
 * The linker puts .note.gnu.build-id right behind the program headers, so the first page has it (the kernel's
 * own parser, lib/buildid.c, relied on that until 6.12).  A note: three words (name size, size, type 3), "GNU\0",
 * the ID, each part padded to 4 bytes.  Both classes, this machine's byte order.
 *
 * Works on bytes from anywhere; never reads beyond them. */
#ifndef SWANSONG_BASE_BUILD_ID_H
#define SWANSONG_BASE_BUILD_ID_H

#include <stddef.h>

#define BUILD_ID_MAX  64 /* bytes; the usual ones have 20 (SHA-1) or 16 */
#define BUILD_ID_TEXT (2 * BUILD_ID_MAX + 1)

/* Lower-case hex into out.  0, -ENOENT (an ELF file whose first `len` bytes hold none), -EINVAL (no ELF). */
int build_id_parse(const void *data, size_t len, char out[BUILD_ID_TEXT]);

#endif
