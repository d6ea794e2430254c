/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "fixture_report.h"
#include "render/check.h"

Test(check, wrong_words_are_refused)
{
        const char *wrong[] = {"", "leak", "leak=", "leak=x", "leak=50%", "rain=1M", "=1M", "leakx=1M"};
        struct checks c = {0};
        struct diag d;

        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
                cr_expect_eq(checks_parse(&c, wrong[i], &d), -EINVAL, "'%s'", wrong[i]);
        cr_expect_eq(c.n, 0);
}

static int check(const struct report *r, const char *text)
{
        struct checks c = {0};
        struct diag d = {0};

        cr_assert_eq(checks_parse(&c, text, &d), 0, "%s", d.text);
        return check_run(&c.list[0], r, &d);
}

Test(check, a_leak_is_what_is_held_for_certain)
{
        struct report r = fixture_recorded(); /* 769 MiB +- 36 */

        cr_expect_eq(check(&r, "leak=700M"), 1);
        cr_expect_eq(check(&r, "leak=740M"), 0, "perhaps, but not for certain");
        r = fixture_leak();
        cr_expect_eq(check(&r, "leak=1"), -ENODATA, "nothing recorded it");
}

Test(check, growth_is_from_the_first_sample_on)
{
        struct report r = fixture_leak();
        uint64_t grown = r.memory.rss - r.history[0].rss;

        cr_assert_gt(grown, 1024);
        cr_expect_eq(check(&r, "growth=1K"), 1);
        cr_expect_eq(check(&r, "growth=1T"), 0);
        r.n_history = 0;
        cr_expect_eq(check(&r, "growth=1K"), -ENODATA);
}
