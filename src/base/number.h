/* SPDX-License-Identifier: MIT */
/* number - strict decimal and hexadecimal numbers, from options and from /proc text.
 *
 * No sign, no blanks, no locale, overflow is an error: what strtoul() lets pass is how "-1" became a PID.
 */
#ifndef SWANSONG_BASE_NUMBER_H
#define SWANSONG_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* The whole string must be a decimal number <= max.  0, or -EINVAL (not a number), -ERANGE (too large). */
int number_parse(const char *s, uint64_t max, uint64_t *ret);

/* Read digits (base 10 or 16) at *p, stop at the first other byte or at end, and move *p there.  0, or
 * -EINVAL when there is no digit, -ERANGE on overflow (then *p is unchanged). */
int number_scan(const char **p, const char *end, unsigned base, uint64_t *ret);

/* "12", "1.5": digits and perhaps a fraction at *p, which ends with a NUL; moves *p behind them.  0, or -EINVAL or -ERANGE (then
 * *p and *ret are unchanged). */
int number_decimal(const char **p, double *ret);

/* "5", "0.5", ".25": seconds with a fraction to nanoseconds.  0 < value <= max_ns.  0, -EINVAL or -ERANGE. */
int seconds_parse(const char *s, uint64_t max_ns, uint64_t *ret_ns);

#endif
