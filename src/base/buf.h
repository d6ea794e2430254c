/* SPDX-License-Identifier: MIT */
/* buf - a byte buffer with a bound, always NUL-terminated behind its length.
 *
 * Two kinds: a growing one (malloc, for analysis and for everything outside a pause), and a fixed one over
 * memory that the caller reserved (nothing is allocated: for the critical path).  What does not fit is
 * dropped, and `cut` says so.
 */
#ifndef SWANSONG_BASE_BUF_H
#define SWANSONG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct buf {
        char *data;
        size_t len;
        size_t size; /* bytes at data, including the one for the NUL */
        size_t max;  /* a growing buffer never has more bytes than this */
        bool fixed;
        bool cut; /* something did not fit, or memory was out */
};

/* A growing buffer that holds at most max bytes.  Nothing is allocated yet. */
#define BUF_GROWING(max_) ((struct buf){.max = (max_)})

/* A fixed one over `memory` of `size` bytes (size >= 1). */
#define BUF_FIXED(memory, size_)                                                                             \
        ((struct buf){.data = (memory), .size = (size_), .max = (size_)-1, .fixed = true})

void buf_done(struct buf *b);  /* frees a growing one */
void buf_reset(struct buf *b); /* empties it, keeps the memory */

/* Make room for n more bytes.  0, -ENOMEM, -ENOSPC (the bound). */
int buf_reserve(struct buf *b, size_t n);

/* Append as much as fits; the rest sets `cut`. */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);

/* Append the text made safe by escape_text(). */
void buf_escaped(struct buf *b, const char *s, size_t n);

#define _cleanup_buf_ _cleanup_(buf_done)

#endif
