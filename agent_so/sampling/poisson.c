/* SPDX-License-Identifier: MIT */
#include "agent_so/sampling/poisson.h"

#include <string.h>

#include "base/recorder/recorder_layout.h"

#define LN_2 0.69314718055994530942

double poisson_minus_log(double u)
{
        uint64_t bits;
        int exponent;
        double m, t, t2, sum;

        memcpy(&bits, &u, sizeof(bits));
        exponent = (int)(bits >> 52 & 0x7ff) - 1023;
        bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
        memcpy(&m, &bits, sizeof(m)); /* 1 <= m < 2 */
        /* ln m = 2 artanh t, with t = (m - 1) / (m + 1) <= 1/3 */
        t = (m - 1) / (m + 1);
        t2 = t * t;
        sum = t *
              (1 + t2 * (1. / 3 +
                         t2 * (1. / 5 +
                               t2 * (1. / 7 + t2 * (1. / 9 + t2 * (1. / 11 + t2 * (1. / 13 + t2 / 15)))))));
        return -(exponent * LN_2 + 2 * sum);
}

/* exp(-x), 0 <= x < 64: 2^-k * exp(-r) with r <= ln 2 */
static double exp_minus(double x)
{
        uint64_t k = (uint64_t)(x * (1 / LN_2)), bits = (1023 - k) << 52;
        double r = x - (double)k * LN_2, power;

        memcpy(&power, &bits, sizeof(power));
        /* The series; its products hold no division: 1/2, 1/3 ... are constants. */
        return power *
               (1 -
                r * (1 -
                     r * (1. / 2) *
                             (1 -
                              r * (1. / 3) *
                                      (1 -
                                       r * (1. / 4) *
                                               (1 -
                                                r * (1. / 5) *
                                                        (1 -
                                                         r * (1. / 6) *
                                                                 (1 -
                                                                  r * (1. / 7) *
                                                                          (1 -
                                                                           r * (1. / 8) *
                                                                                   (1 -
                                                                                    r * (1. / 9) *
                                                                                            (1 -
                                                                                             r * (1. / 10) *
                                                                                                     (1 -
                                                                                                      r * (1. /
                                                                                                           11))))))))))));
}

uint64_t poisson_weight(uint64_t size, uint64_t mean)
{
        double x, weight;

        if (mean <= 1)
                return RECORDER_WEIGHT_ONE;
        x = (double)(int64_t)(size ? size : 1) / (double)(int64_t)mean;
        if (x > 40)
                return RECORDER_WEIGHT_ONE;
        /* 1 / (1 - exp(-x)).  Small blocks, which are nearly all: its series, with Bernoulli's numbers; it is short, and loses no
         * digits to the difference. */
        weight = x < 0.5 ? 1 / x + 1. / 2 + x * (1. / 12 - x * x * (1. / 720 - x * x * (1. / 30240)))
                         : 1 / (1 - exp_minus(x));
        return (uint64_t)(int64_t)((double)RECORDER_WEIGHT_ONE * weight + 0.5);
}
