/* SPDX-License-Identifier: MIT */
/* key_value - the kernel's favourite text: one key and one number per line.
 *
 *   VmRSS:      6640 kB         status, meminfo, smaps, smaps_rollup
 *   anon 270336                 memory.stat, memory.events, vmstat
 * Works on bytes.  Traps: "kB" means 1024 bytes; some values are no numbers ("VmFlags: rd mr mw"); which keys
 * there are differs from kernel to kernel, so nothing is found by its position and what is not there stays
 * unknown.
 */
#ifndef SWANSONG_ANALYSIS_KEY_VALUE_H
#define SWANSONG_ANALYSIS_KEY_VALUE_H

#include "analysis/report.h"
#include "base/scan.h"

/* The text up to the next newline; false at the end. */
bool line_next(struct scan *text, struct scan *ret_line);

struct key_value {
        struct scan key;  /* without the colon */
        struct scan rest; /* the line behind the key, without leading blanks */
        uint64_t value;   /* in bytes where the line says kB; REPORT_UNKNOWN: not a number */
};

/* The next line that has a key; false at the end of the text. */
bool key_value_next(struct scan *text, struct key_value *ret);

/* Where a key's value goes: an uint64_t at `offset` of some struct. */
struct key_field {
        const char *key;
        size_t offset;
};

/* Set every field whose key is in the text; the first one of several counts.  The others stay as they are. */
void key_value_fill(const char *text, size_t len, const struct key_field *fields, size_t n, void *out);

/* All lines with a number, in their order, at most KEY_VALUE_MAX.  0 or -ENOMEM. */
#define KEY_VALUE_MAX 4096
int key_value_list(const char *text, size_t len, struct pool *pool, const struct report_key_value **ret,
                   size_t *ret_n);

/* A key's value in such a list, or REPORT_UNKNOWN. */
uint64_t key_value_get(const struct report_key_value *list, size_t n, const char *key);

static inline bool scan_is(const struct scan *s, const char *word)
{
        return scan_left(s) == strlen(word) && memcmp(s->at, word, scan_left(s)) == 0;
}

#endif
