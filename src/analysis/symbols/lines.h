/* SPDX-License-Identifier: MIT */
/* lines - source lines and inlined functions for many addresses of one module at once, from its DWARF.
 *
 * An address inside inlined code has several functions: those that were inlined there, innermost first, and
 * last the function whose code it is.  Names are those of the DWARF (linkage name, else name), as gdb shows them.
 *
 * Traps: not every compiler writes .debug_aranges (clang, Go), so the units' own ranges are searched where it has
 * no answer; a hostile file may nest without end: the depth is bounded.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_LINES_H
#define SWANSONG_ANALYSIS_SYMBOLS_LINES_H

#include "analysis/symbols/module_file.h"

struct line_frame {
        const char *function; /* as it is to be shown, in the pool; NULL: not known */
        const char *file;     /* in the pool; NULL: not known */
        uint64_t line;        /* 1-based; 0: not known */
};

struct line_query {
        uint64_t address;                /* in the file's own addresses */
        const struct line_frame *frames; /* answer: innermost first, in the pool */
        size_t n_frames;                 /* answer: 0: no debug information for it */
};

/* Answer the queries, which are sorted by address.  0 (also without debug information) or -ENOMEM. */
int lines_find(const struct module_finder *f, struct module *m, struct line_query *queries, size_t n);

#endif
