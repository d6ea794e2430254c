/* SPDX-License-Identifier: MIT */
/* proc_text - the few numbers that the watcher needs out of /proc text; works on bytes, no I/O.
 *
 *   statm:                        25921 7731 4220 1062 0 6021 0          pages
 *   status, meminfo, smaps_rollup: "VmSwap:\t     512 kB\n"
 */
#ifndef SWANSONG_TRIGGER_PROC_TEXT_H
#define SWANSONG_TRIGGER_PROC_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct statm {
        uint64_t size, resident, shared; /* pages; shared: file pages and shmem pages together */
};

/* 0 or -EINVAL. */
int statm_parse(const char *text, size_t len, struct statm *ret);

/* The bytes of the line that begins with `key` ("VmSwap:").  0, -ENODATA (no such line), -EINVAL (also
 * for a number at the end of a text that was cut). */
int kb_line_parse(const char *text, size_t len, const char *key, uint64_t *ret_bytes);

#endif
