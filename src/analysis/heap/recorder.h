/* SPDX-License-Identifier: MIT */
/* recorder - the agent's recorder (base/recorder/recorder_layout.h) as tables that can be read without fear.
 *
 * Works on bytes, which may have been copied from a running process, left behind by a killed one, cut off anywhere,
 * or forged.  Every offset, count and index is checked against what is there; an entry that does not hold is as good
 * as none.  Nothing is allocated.
 */
#ifndef SWANSONG_ANALYSIS_HEAP_RECORDER_H
#define SWANSONG_ANALYSIS_HEAP_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/recorder/recorder_layout.h"

struct recorder_table {
        const unsigned char *first;
        size_t count;      /* entries that are there in full */
        size_t entry_size; /* bytes from one to the next */
};

struct recorder {
        const unsigned char *data;
        size_t len;
        struct recorder_header head; /* a copy; its texts are NUL-terminated */
        struct recorder_table tables[RECORDER_N_SECTIONS];
        bool cut; /* shorter than its head says, or sections that lie outside of it */
};

/* The bytes must stay.  0; -EINVAL (no recorder) or -ENOTSUP (a later version) with d filled. */
int recorder_open(const void *data, size_t len, struct recorder *ret, struct diag *d);

/* Copy entry i into `out` of `size` bytes: what the writer's version did not have is 0.  False: there is none. */
bool recorder_get(const struct recorder *r, enum recorder_section_id table, uint64_t i, void *out,
                  size_t size);

/* The same for an entry with a key or sequence in its first word: false when it is free, or being written. */
bool recorder_get_stack(const struct recorder *r, uint64_t i, struct recorder_stack *ret);
bool recorder_get_stable(const struct recorder *r, enum recorder_section_id table, uint64_t i, void *out,
                         size_t size);

/* Frame i of the stack, innermost first; 0 when it lies outside the recorder. */
uint64_t recorder_frame(const struct recorder *r, const struct recorder_stack *s, unsigned i);

/* Bytes of the text section, not NUL-terminated; NULL when they are not there. */
const char *recorder_text(const struct recorder *r, uint32_t at, uint32_t length);

/* CLOCK_MONOTONIC of the last sign of life, never before the beginning. */
uint64_t recorder_last_ns(const struct recorder *r);

#endif
