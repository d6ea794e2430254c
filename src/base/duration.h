/* SPDX-License-Identifier: MIT */
/* duration - lengths of time as users write and read them: 500ms, 1.5s, 2min, 1h, 200us.
 *
 * A number alone is none: whether seconds or milliseconds were meant nobody can tell. */
#ifndef SWANSONG_BASE_DURATION_H
#define SWANSONG_BASE_DURATION_H

#include <stdint.h>

/* 0, -EINVAL (no duration, or no unit), -ERANGE (zero, or above max_ns). */
int duration_parse(const char *s, uint64_t max_ns, uint64_t *ret_ns);

/* "500 ms", "1.5 s", "2 min": three significant digits, into a buffer of DURATION_TEXT bytes; returns out. */
#define DURATION_TEXT 24
char *duration_format(uint64_t ns, char out[DURATION_TEXT]);

#endif
