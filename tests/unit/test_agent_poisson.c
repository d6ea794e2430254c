/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "agent_so/sampling/poisson.h"
#include "base/recorder/recorder_layout.h"

Test(agent_poisson, the_logarithm_is_that_of_libm)
{
        for (double u = 1; u > 1e-300; u *= 0.73)
                cr_assert(fabs(poisson_minus_log(u) + log(u)) <= 1e-9 * (1 - log(u)), "at %g", u);
}

/* An estimate is unbiased when weight times probability is 1, whatever the size. */
Test(agent_poisson, a_sample_stands_for_one_divided_by_its_probability)
{
        static const uint64_t means[] = {2, 1000, 4096, 65536, 524288, 1 << 30};

        for (size_t m = 0; m < sizeof(means) / sizeof(means[0]); m++)
                for (uint64_t size = 1; size < UINT64_C(1) << 40; size += size / 3 + 1) {
                        double p = -expm1(-(double)size / (double)means[m]);
                        double weight = (double)poisson_weight(size, means[m]) / (double)RECORDER_WEIGHT_ONE;

                        /* As good as its fixed point. */
                        cr_assert(fabs(weight * p - 1) <= 1e-8 + p / (double)RECORDER_WEIGHT_ONE,
                                  "%lu bytes at %lu: %.12g", (unsigned long)size, (unsigned long)means[m],
                                  weight * p);
                }
}

Test(agent_poisson, weights_fall_with_the_size_and_end_at_one)
{
        uint64_t before = UINT64_MAX;

        for (uint64_t size = 1; size < 100 << 20; size += size / 50 + 1) {
                uint64_t weight = poisson_weight(size, 512 << 10);

                cr_assert(weight <= before && weight >= RECORDER_WEIGHT_ONE, "%lu bytes",
                          (unsigned long)size);
                before = weight;
        }
        cr_assert_eq(before, RECORDER_WEIGHT_ONE);
}

Test(agent_poisson, every_allocation_counts_once_when_all_are_recorded)
{
        cr_assert_eq(poisson_weight(0, 1), RECORDER_WEIGHT_ONE);
        cr_assert_eq(poisson_weight(123456, 1), RECORDER_WEIGHT_ONE);
}

Test(agent_poisson, a_block_of_no_bytes_is_as_rare_as_one_of_one_byte)
{
        cr_assert_eq(poisson_weight(0, 4096), poisson_weight(1, 4096));
}
