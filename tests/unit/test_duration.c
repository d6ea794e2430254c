/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/duration.h"

#define HOUR_NS (3600 * NS_PER_S)

Test(duration, takes_a_number_with_its_unit_and_nothing_else)
{
        static const struct {
                const char *text;
                int r;
                uint64_t ns;
        } cases[] = {
                {"500ms", 0, 500 * NS_PER_MS},
                {"1s", 0, NS_PER_S},
                {"1.5s", 0, 1500 * NS_PER_MS},
                {"0.25ms", 0, 250 * NS_PER_US},
                {"200us", 0, 200 * NS_PER_US},
                {"2min", 0, 120 * NS_PER_S},
                {"1h", 0, HOUR_NS},
                {"1.1h", -ERANGE, 0},
                {"0s", -ERANGE, 0},
                {"500", -EINVAL, 0},
                {"500M", -EINVAL, 0},
                {"500 ms", -EINVAL, 0},
                {"ms", -EINVAL, 0},
                {"-1s", -EINVAL, 0},
                {"1.s", -EINVAL, 0},
                {"1s ", -EINVAL, 0},
                {"1m", -EINVAL, 0},
                {"", -EINVAL, 0},
                {"99999999999999999999s", -ERANGE, 0},
                {"18446744073709551615h", -ERANGE, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t ns = 7;

                cr_expect_eq(duration_parse(cases[i].text, HOUR_NS, &ns), cases[i].r, "'%s'", cases[i].text);
                cr_expect_eq(ns, cases[i].r == 0 ? cases[i].ns : 7, "'%s'", cases[i].text);
        }
}

Test(duration, is_written_with_its_unit)
{
        char text[DURATION_TEXT];

        cr_expect_str_eq(duration_format(0, text), "0 us");
        cr_expect_str_eq(duration_format(500 * NS_PER_MS, text), "500 ms");
        cr_expect_str_eq(duration_format(12345678, text), "12.3 ms");
        cr_expect_str_eq(duration_format(90 * NS_PER_S, text), "1.5 min");
        cr_expect_str_eq(duration_format(HOUR_NS, text), "1 h");
        cr_expect_str_eq(duration_format(999600 * NS_PER_US, text), "1 s");
        cr_expect_str_eq(duration_format(999400 * NS_PER_US, text), "999 ms");
        cr_expect_str_eq(duration_format(59980 * NS_PER_MS, text), "1 min");
        cr_expect_str_eq(duration_format(1234 * HOUR_NS, text), "1234 h");
        cr_expect_str_eq(duration_format(UINT64_MAX, text), "5124096 h");
}
