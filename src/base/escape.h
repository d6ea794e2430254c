/* SPDX-License-Identifier: MIT */
/* escape - make bytes from outside safe to print and valid UTF-8.
 *
 * Printable ASCII and well-formed UTF-8 letters pass.  Everything that could drive a terminal or mislead a
 * reader becomes \xNN, byte by byte: C0 and C1 controls, DEL, invalid UTF-8, surrogates, and the invisible or
 * direction-changing characters (U+00AD, U+061C, U+180E, U+200B..200F, U+2028..202E, U+2060..206F, U+FEFF, U+FFF9..FFFB,
 * U+E0000..E007F).  A newline becomes \n, a tab \t. A backslash stays as it is: systemd's unit names are full of them, and nothing reads the text back.
 */
#ifndef SWANSONG_BASE_ESCAPE_H
#define SWANSONG_BASE_ESCAPE_H

#include <stddef.h>
#include <string.h>

/* Worst case growth of escape_text per input byte. */
#define ESCAPE_MAX_GROWTH 4

/* Write at most out_size-1 bytes and a NUL; never splits a character or an escape.  Returns the length
 * written.  out_size must be at least 1. */
size_t escape_text(const char *in, size_t in_len, char *out, size_t out_size);

/* For the cells of the bundle's tables, which tsv_text() reads back: tab, newline, backslash and control bytes as \xNN,
 * all others as they are.  `out` holds ESCAPE_MAX_GROWTH * in_len bytes; no NUL.  Returns the length written. */
size_t escape_cell(const char *in, size_t in_len, char *out);

/* A malloc'ed escaped copy, or NULL when memory is out; the caller frees it. */
char *escape_dup(const char *in, size_t in_len);

/* Length in bytes of the well-formed UTF-8 character at s (1..4), or 0 when there is none. */
size_t utf8_char_len(const char *s, size_t len);

#endif
