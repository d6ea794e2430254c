/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/key_value.h"
#include "base/cleanup.h"

Test(key_value, reads_the_kernels_ways_to_write_a_number)
{
        static const struct {
                const char *line, *key;
                uint64_t value;
                const char *why;
        } cases[] = {
                {"VmRSS:\t    6640 kB", "VmRSS", 6640 * 1024, "status"},
                {"MemTotal:       24660988 kB", "MemTotal", UINT64_C(24660988) * 1024, "meminfo"},
                {"Active(anon):     4 kB", "Active(anon)", 4096, "brackets belong to the key"},
                {"HugePages_Total:       0", "HugePages_Total", 0, "a count has no unit"},
                {"anon 270336", "anon", 270336, "memory.stat: bytes"},
                {"Threads:\t4", "Threads", 4, ""},
                {"Uid:\t107\t0\t107\t107", "Uid", 107, "the first of several"},
                {"VmFlags: rd ex mr mw me", "VmFlags", REPORT_UNKNOWN, "no number"},
                {"State:\tS (sleeping)", "State", REPORT_UNKNOWN, "no number"},
                {"Rss:", "Rss", REPORT_UNKNOWN, "cut"},
                {"Rss:                 12 k", "Rss", 12, "cut in the unit: cannot be told from a count"},
                {"a 18446744073709551616", "a", REPORT_UNKNOWN, "does not fit"},
                {"a: 18446744073709551615 kB", "a", REPORT_UNKNOWN, "does not fit in bytes"},
                {"a -5", "a", REPORT_UNKNOWN, "no number of ours is negative"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct scan s = scan_of(cases[i].line, strlen(cases[i].line));
                struct key_value kv;

                cr_assert(key_value_next(&s, &kv), "%s", cases[i].line);
                cr_expect(scan_is(&kv.key, cases[i].key), "%s", cases[i].line);
                cr_expect_eq(kv.value, cases[i].value, "%s (%s)", cases[i].line, cases[i].why);
                cr_expect_not(key_value_next(&s, &kv));
        }
}

Test(key_value, passes_over_lines_without_a_key)
{
        static const char text[] = "\n\n \n: 5\n\tx 1\na 1\n";
        struct scan s = scan_of(text, strlen(text));
        struct key_value kv;

        cr_assert(key_value_next(&s, &kv));
        cr_expect(scan_is(&kv.key, "a"));
        cr_expect_not(key_value_next(&s, &kv));
}

Test(key_value, the_first_of_two_counts)
{
        static const char text[] = "a 1\nb 2\na 3\n";
        static const struct key_field fields[] = {{"a", 0}, {"c", 8}};
        uint64_t out[2] = {9, 9};

        key_value_fill(text, strlen(text), fields, 2, out);
        cr_expect_eq(out[0], 1);
        cr_expect_eq(out[1], 9, "what is not there stays as it was");
}

Test(key_value, a_list_has_the_numbers_in_order)
{
        static const char text[] = "Rss: 1 kB\nVmFlags: rd\nb 2";
        const struct report_key_value *list;
        struct pool pool = {0};
        size_t n;

        cr_assert_eq(key_value_list(text, strlen(text), &pool, &list, &n), 0);
        cr_assert_eq(n, 2);
        cr_expect_str_eq(list[0].key, "Rss");
        cr_expect_eq(key_value_get(list, n, "b"), 2);
        cr_expect_eq(key_value_get(list, n, "c"), REPORT_UNKNOWN);
        pool_free(&pool);
}
