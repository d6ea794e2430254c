/* SPDX-License-Identifier: MIT */
/* perf_map - names of just-in-time compiled code, from the /tmp/perf-PID.map that its compiler wrote.
 *
 * Works on bytes.  One line per piece of code, START SIZE NAME, both numbers in hex:
 *   7f2c4a1c5c40 2a8 LazyCompile:~handleRequest /srv/app.js:41
 * Traps: the file is somebody else's and may hold anything; names hold blanks; a compiler that moved code writes a new line
 * and lets the old one stand: the last line that covers an address is right; a line may be half written.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_PERF_MAP_H
#define SWANSONG_ANALYSIS_SYMBOLS_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>

struct perf_map_query {
        uint64_t address;
        const char *name; /* answer: into the text, not NUL-terminated; NULL: none */
        size_t name_len;
};

/* Answer the queries, which are sorted by address, in one pass over the text. */
void perf_map_find(const char *text, size_t len, struct perf_map_query *queries, size_t n);

#endif
