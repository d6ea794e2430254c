/* SPDX-License-Identifier: MIT */
#include "cli/armed/kill_count.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(kill_count, is_found_in_what_each_version_writes)
{
        static const struct {
                const char *text;
                int result;
                uint64_t n;
        } cases[] = {
                {"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 0, 3},
                {"low 0\nhigh 4\nmax 5\noom 6\noom_kill 7\noom_group_kill 1\n", 0, 7},
                {"oom_kill 18446744073709551615\n", 0, UINT64_MAX},
                {"oom_kill_disable 1\nunder_oom 1\n", -ENODATA, 0}, /* Linux before 4.13 */
                {"no_oom_kill 3\n", -ENODATA, 0},
                {"oom_kill x\n", -ENODATA, 0},
                {"\n", -ENODATA, 0},
                {"", -ENODATA, 0},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t n = 0;

                cr_expect_eq(kill_count_parse(cases[i].text, &n), cases[i].result, "case %zu", i);
                cr_expect_eq(n, cases[i].n, "case %zu", i);
        }
}

Test(kill_count, of_no_group_is_not_known)
{
        struct kill_count none = KILL_COUNT_NONE;
        uint64_t n;

        kill_count_look(&none);
        cr_expect_eq(kill_count_since(&none, &n), -ENODATA);
        kill_count_close(&none);
        cr_expect_eq(none.fd, -1);
}
