/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/number.h"

Test(number, parses_only_whole_decimal_numbers)
{
        static const struct {
                const char *text;
                uint64_t max;
                int r;
                uint64_t value;
                const char *why;
        } cases[] = {
                {"0", 10, 0, 0, "zero"},
                {"10", 10, 0, 10, "the largest"},
                {"11", 10, -ERANGE, 0, "one too large"},
                {"-1", 10, -EINVAL, 0, "strtoul would make 2^64-1 of it"},
                {"+1", 10, -EINVAL, 0, "sign"},
                {" 1", 10, -EINVAL, 0, "leading blank"},
                {"1 ", 10, -EINVAL, 0, "trailing blank"},
                {"", 10, -EINVAL, 0, "empty"},
                {"0x10", 100, -EINVAL, 0, "hex"},
                {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX, "2^64-1"},
                {"18446744073709551616", UINT64_MAX, -ERANGE, 0, "2^64"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t value = 12345;
                int r = number_parse(cases[i].text, cases[i].max, &value);

                cr_expect_eq(r, cases[i].r, "%s: returned %d", cases[i].why, r);
                cr_expect_eq(value, r == 0 ? cases[i].value : 12345, "%s: output written on error",
                             cases[i].why);
        }
}

Test(number, scan_stops_at_the_first_other_byte)
{
        const char text[] = "7f0aG";
        const char *p = text;
        uint64_t value;

        cr_assert_eq(number_scan(&p, text + 5, 16, &value), 0);
        cr_expect_eq(value, 0x7f0a);
        cr_expect_eq(p, text + 4);
        cr_expect_eq(number_scan(&p, text + 5, 16, &value), -EINVAL, "G is no digit");
        cr_expect_eq(p, text + 4, "an error moves nothing");
}

Test(number, scan_never_reads_past_the_end)
{
        const char text[3] = {'1', '2', '3'}; /* no NUL behind it */
        const char *p = text;
        uint64_t value;

        cr_assert_eq(number_scan(&p, text + 2, 10, &value), 0);
        cr_expect_eq(value, 12);
}

Test(number, seconds_have_fractions)
{
        static const struct {
                const char *text;
                int r;
                uint64_t ns;
        } cases[] = {
                {"1", 0, 1000000000},       {"0.5", 0, 500000000},  {".25", 0, 250000000},
                {"0.000000001", 0, 1},      {"0", -ERANGE, 0},      {"0.0", -ERANGE, 0},
                {"1.", -EINVAL, 0},         {"1s", -EINVAL, 0},     {"-1", -EINVAL, 0},
                {"", -EINVAL, 0},           {".", -EINVAL, 0},      {"3601", -ERANGE, 0},
                {"3600", 0, 3600000000000}, {"3600.1", -ERANGE, 0},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t ns = 0;

                cr_expect_eq(seconds_parse(cases[i].text, 3600000000000, &ns), cases[i].r, "'%s'",
                             cases[i].text);
                cr_expect_eq(ns, cases[i].ns, "'%s' is %llu ns", cases[i].text, (unsigned long long)ns);
        }
}
