/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/gathered.h"

Test(gathered, entries_may_hold_anything)
{
        static const char text[] = "1 6\nplain\n\n2 0\n\n3 8\n\n4 3\nx\n\n\n4 3\nabc\n";
        static const struct {
                pid_t tid;
                const char *data;
        } expected[] = {{1, "plain\n"}, {2, ""}, {3, "\n4 3\nx\n\n"}, {4, "abc"}};
        const char *p = text, *end = text + strlen(text);
        struct gathered g;

        for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                cr_assert_eq(gathered_next(&p, end, &g), 1, "entry %zu", i);
                cr_expect_eq(g.tid, expected[i].tid);
                cr_assert_eq(g.len, strlen(expected[i].data));
                cr_expect_arr_eq(g.data, expected[i].data, g.len);
        }
        cr_expect_eq(gathered_next(&p, end, &g), 0);
}

Test(gathered, a_cut_file_keeps_the_entries_before_the_cut)
{
        static const char text[] = "1 3\nabc\n22 4\ndefg\n";
        size_t first = strlen("1 3\nabc\n");

        for (size_t n = 0; n <= strlen(text); n++) {
                const char *p = text;
                unsigned entries = 0;
                struct gathered g;
                int r;

                while ((r = gathered_next(&p, text + n, &g)) == 1)
                        entries++;
                cr_expect_eq(entries, (n >= first) + (n == strlen(text)), "%zu bytes", n);
                cr_expect_eq(r, n == 0 || n == first || n == strlen(text) ? 0 : -EBADMSG, "%zu bytes", n);
        }
}

Test(gathered, damage_is_told_and_never_read_beyond)
{
        static const char *const texts[] = {"x",
                                            "1",
                                            "1 ",
                                            "1 99\nabc\n",
                                            "1 18446744073709551615\na\n",
                                            "1 2\n",
                                            "-1 1\na\n",
                                            "99999999999 1\na\n",
                                            "1 1\nab\n",
                                            "1  1\na\n"};

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                const char *p = texts[i];
                struct gathered g;

                cr_expect_eq(gathered_next(&p, p + strlen(p), &g), -EBADMSG, "'%s'", texts[i]);
                cr_expect_eq(p, texts[i]);
        }
}
