/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/size.h"

Test(size, parses_what_users_write)
{
        static const struct {
                const char *text;
                int r;
                uint64_t bytes;
        } cases[] = {
                {"512M", 0, 512ULL << 20}, {"2G", 0, 2ULL << 30},   {"64k", 0, 65536},
                {"64KiB", 0, 65536},       {"1.5G", 0, 3ULL << 29}, {"4096", 0, 4096},
                {"4096B", 0, 4096},        {"1T", 0, 1ULL << 40},   {"10mb", 0, 10ULL << 20},
                {"0", -ERANGE, 0},         {"0M", -ERANGE, 0},      {"-1M", -EINVAL, 0},
                {"M", -EINVAL, 0},         {"1X", -EINVAL, 0},      {"1MM", -EINVAL, 0},
                {"1.M", -EINVAL, 0},       {"", -EINVAL, 0},        {"9999999999P", -ERANGE, 0},
                {"12 M", -EINVAL, 0},      {"1Mi", -EINVAL, 0},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct size_spec spec = {0};

                cr_expect_eq(size_parse(cases[i].text, &spec), cases[i].r, "'%s'", cases[i].text);
                cr_expect_eq(spec.bytes, cases[i].bytes, "'%s' is %llu", cases[i].text,
                             (unsigned long long)spec.bytes);
                cr_expect_not(spec.is_percent);
        }
}

Test(size, percentages_are_of_a_whole)
{
        struct size_spec spec;

        cr_assert_eq(size_parse("90%", &spec), 0);
        cr_expect(spec.is_percent);
        cr_expect_eq(size_resolve(&spec, 1000), 900);
        cr_assert_eq(size_parse("0.5%", &spec), 0);
        cr_expect_eq(size_resolve(&spec, 1000), 5);
        cr_expect_eq(size_parse("0%", &spec), -ERANGE);
        cr_expect_eq(size_parse("101%", &spec), -ERANGE);
        cr_expect_eq(size_parse("5%%", &spec), -EINVAL);
}

Test(size, prints_three_digits_and_a_unit)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {
                {0, "0 B"},
                {1023, "1023 B"},
                {1024, "1.00 KiB"},
                {1536, "1.50 KiB"},
                {10 * 1024, "10.0 KiB"},
                {100 * 1024, "100 KiB"},
                {1024 * 1024 - 1, "1.00 MiB"},
                {1023ULL << 20, "1023 MiB"},
                {UINT64_MAX, "16.0 EiB"},
        };
        char out[SIZE_TEXT];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                cr_expect_str_eq(size_format(cases[i].bytes, out), cases[i].text);
}
