/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "analysis/history.h"
#include "analysis/key_value.h"
#include "analysis/thread_rows.h"
#include "analysis/tsv.h"
#include "base/cleanup.h"

static const char *const columns[] = {"a", "b", "c"};

static struct scan text_of(const char *s)
{
        return scan_of(s, strlen(s));
}

Test(tsv, columns_are_found_by_name)
{
        static const char text[] = "c\tnew\ta\n3\tx\t1\n";
        struct scan cells[3];
        struct tsv t;

        cr_assert_eq(tsv_begin(text, strlen(text), columns, 3, &t), 0);
        cr_assert(tsv_next(&t, cells));
        cr_expect_eq(tsv_number(&cells[0]), 1);
        cr_expect_eq(tsv_number(&cells[1]), REPORT_UNKNOWN, "an older file without the column");
        cr_expect_eq(tsv_number(&cells[2]), 3);
        cr_expect_not(tsv_next(&t, cells));
}

Test(tsv, without_the_first_column_there_is_nothing_to_read)
{
        struct tsv t;

        cr_expect_eq(tsv_begin("b\tc\n", 4, columns, 3, &t), -EINVAL);
        cr_expect_eq(tsv_begin("", 0, columns, 3, &t), -EINVAL);
}

Test(tsv, short_and_long_rows_are_rows)
{
        static const char text[] = "a\tb\tc\n1\n\n1\t2\t3\t4\t5\n1\t2\t3";
        struct scan cells[3];
        struct tsv t;

        cr_assert_eq(tsv_begin(text, strlen(text), columns, 3, &t), 0);
        cr_assert(tsv_next(&t, cells));
        cr_expect_eq(scan_left(&cells[1]), 0);
        cr_assert(tsv_next(&t, cells));
        cr_expect_eq(scan_left(&cells[0]), 0);
        cr_assert(tsv_next(&t, cells));
        cr_expect_eq(tsv_number(&cells[2]), 3);
        cr_assert(tsv_next(&t, cells), "the last line needs no newline");
        cr_expect_eq(tsv_number(&cells[2]), 3);
        cr_expect_not(tsv_next(&t, cells));
}

Test(tsv, numbers)
{
        static const struct {
                const char *text;
                uint64_t value;
        } cases[] = {
                {"0", 0},
                {"4711", 4711},
                {"0x7ffc", 0x7ffc},
                {"-", REPORT_UNKNOWN},
                {"", REPORT_UNKNOWN},
                {"0x", REPORT_UNKNOWN},
                {"7x", REPORT_UNKNOWN},
                {"-1", REPORT_UNKNOWN},
                {" 1", REPORT_UNKNOWN},
                {"18446744073709551616", REPORT_UNKNOWN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct scan cell = text_of(cases[i].text);

                cr_expect_eq(tsv_number(&cell), cases[i].value, "'%s'", cases[i].text);
        }
}

Test(tsv, text_is_unescaped)
{
        static const struct {
                const char *text, *expected, *why;
        } cases[] = {
                {"/a\\x0ab", "/a\nb", "a newline"},
                {"\\x5cx41", "\\x41", "an escaped backslash begins no second escape"},
                {"\\x412", "A2", "two digits, not three"},
                {"\\x", "\\x", "cut"},
                {"\\x4", "\\x4", "cut"},
                {"\\xzz", "\\xzz", "no escape"},
                {"\\x00b", "\\x00b", "a NUL would cut the text"},
                {"-", NULL, "unknown"},
                {"", NULL, "empty"},
        };
        struct pool pool = {0};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct scan cell = text_of(cases[i].text);
                const char *text = tsv_text(&cell, &pool);

                if (cases[i].expected)
                        cr_expect_str_eq(text, cases[i].expected, "%s", cases[i].why);
                else
                        cr_expect_null(text, "%s", cases[i].why);
        }
        pool_free(&pool);
}

Test(thread_rows, knows_where_the_stacks_are)
{
        static const char text[] = "tid\thow\tpc\tsp\tstack_start\tstack_bytes\treason\n"
                                   "4711\tstopped\t0x401000\t0x7ffc11223340\t0x7ffc11223000\t8192\t-\n"
                                   "0\tstopped\t-\t-\t-\t-\t-\n"
                                   "4712\tnone\t-\t-\t-\t-\tended\\x09early\n";
        const struct thread_row *rows;
        struct pool pool = {0};
        size_t n;

        cr_assert_eq(thread_rows_parse(text, strlen(text), &pool, &rows, &n), 0);
        cr_assert_eq(n, 2, "0 is no TID");
        cr_expect_eq(rows[0].sp, 0x7ffc11223340);
        cr_expect_null(rows[0].reason);
        cr_expect_eq(rows[1].sp, REPORT_UNKNOWN);
        cr_expect_str_eq(rows[1].reason, "ended\tearly");
        pool_free(&pool);
}

#define HISTORY "time_ns\trss\tanon\tfile\tshmem\tswap\tgroup_usage\tavailable\n"

Test(samples, are_read_oldest_first)
{
        static const char text[] =
                HISTORY "10\t1\t2\t3\t4\t5\t6\t7\n9\t1\t-\t-\t-\t-\t-\t-\nx\t1\n20\t2\t-\t-\t-\t-\t-\t-\n";
        const struct report_sample *samples;
        struct pool pool = {0};
        size_t n;

        cr_assert_eq(samples_parse(text, strlen(text), &pool, &samples, &n), 0);
        cr_assert_eq(n, 2, "one goes back in time, one has none");
        cr_expect_eq(samples[0].available, 7);
        cr_expect_eq(samples[1].anon, REPORT_UNKNOWN);
        pool_free(&pool);
}

static struct growth growth_of(const struct report_sample *samples, size_t n)
{
        return samples_growth(samples, n, offsetof(struct report_sample, rss));
}

Test(samples, growth_is_the_slope_of_the_last_moments)
{
        struct report_sample samples[40];
        struct growth g;

        /* 30 quiet minutes, then 10 samples with 50 MB/s, 100 ms apart. */
        for (size_t i = 0; i < 40; i++)
                samples[i] = i < 30 ? (struct report_sample){.time_ns = i * 60000000000, .rss = 1000000000}
                                    : (struct report_sample){.time_ns = 30 * 60000000000 + i * 100000000,
                                                             .rss = 1000000000 + (i - 30) * 5000000};
        g = growth_of(samples, 40);
        cr_expect_float_eq(g.bytes_per_s, 50e6, 1);
        cr_expect_float_eq(g.gained, 45e6, 1);
        cr_expect_float_eq(g.seconds, 0.9, 0.001);
        cr_expect_float_eq(g.steadiness, 1, 1e-6);
        cr_expect_eq(g.n, 10);
}

Test(samples, growth_of_too_little_is_not_a_number)
{
        const struct report_sample same_time[] = {{.time_ns = 5, .rss = 1}, {.time_ns = 5, .rss = 9}};
        const struct report_sample unknown[] = {{.time_ns = 1, .rss = REPORT_UNKNOWN},
                                                {.time_ns = 2, .rss = 1}};

        cr_expect(__builtin_isnan(growth_of(NULL, 0).bytes_per_s));
        cr_expect(__builtin_isnan(growth_of(same_time, 1).bytes_per_s));
        cr_expect(__builtin_isnan(growth_of(same_time, 2).bytes_per_s), "no time passed");
        cr_expect(__builtin_isnan(growth_of(unknown, 2).bytes_per_s));
}

Test(samples, shrinking_is_negative_and_noise_is_not_steady)
{
        const struct report_sample shrinking[] = {{.time_ns = 0, .rss = 300},
                                                  {.time_ns = 1000000000, .rss = 200}};
        struct report_sample noise[50];

        cr_expect_float_eq(growth_of(shrinking, 2).bytes_per_s, -100, 1e-6);
        for (size_t i = 0; i < 50; i++)
                noise[i] = (struct report_sample){.time_ns = i * 100000000, .rss = 1000 + (i * 7919) % 13};
        cr_expect_lt(growth_of(noise, 50).steadiness, 0.2);
}
