/* SPDX-License-Identifier: MIT */
/* amount - arithmetic with numbers that may be unknown, and that hostile input may have made absurd.
 *
 * Unknown (REPORT_UNKNOWN) stays apart from every real value: sums stop at the value below it.
 */
#ifndef SWANSONG_ANALYSIS_AMOUNT_H
#define SWANSONG_ANALYSIS_AMOUNT_H

#include "analysis/report.h"

static inline bool amount_known(uint64_t a)
{
        return a != REPORT_UNKNOWN;
}

/* `a`, or `otherwise` when it is unknown. */
static inline uint64_t amount_or(uint64_t a, uint64_t otherwise)
{
        return amount_known(a) ? a : otherwise;
}

/* Unknown if either is. */
static inline uint64_t amount_sum(uint64_t a, uint64_t b)
{
        if (!amount_known(a) || !amount_known(b))
                return REPORT_UNKNOWN;
        return a >= REPORT_UNKNOWN - b ? REPORT_UNKNOWN - 1 : a + b;
}

/* Add to a total that is unknown until the first known value comes; unknown values do not count. */
static inline void amount_add(uint64_t *total, uint64_t a)
{
        if (amount_known(a))
                *total = amount_sum(amount_or(*total, 0), a);
}

/* a - b, not below 0; unknown if either is. */
static inline uint64_t amount_less(uint64_t a, uint64_t b)
{
        if (!amount_known(a) || !amount_known(b))
                return REPORT_UNKNOWN;
        return a > b ? a - b : 0;
}

static inline uint64_t amount_times(uint64_t a, uint64_t factor)
{
        uint64_t product;

        if (!amount_known(a) || !amount_known(factor) || __builtin_mul_overflow(a, factor, &product))
                return REPORT_UNKNOWN;
        return product;
}

/* A computed amount; what is no number below 2^63 becomes the nearest that is one. */
static inline uint64_t amount_of(double bytes)
{
        if (!(bytes > 0))
                return 0;
        return bytes >= 0x1p63 ? UINT64_C(1) << 63 : (uint64_t)bytes;
}

/* part / whole, 0..1 for sane values; 0 when unknown or of nothing. */
static inline double amount_share(uint64_t part, uint64_t whole)
{
        if (!amount_known(part) || !amount_known(whole) || whole == 0)
                return 0;
        return (double)part / (double)whole;
}

#endif
