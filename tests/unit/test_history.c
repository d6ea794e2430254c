/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "trigger/history.h"

static struct history history;

static void add(uint64_t monotonic_ns, uint64_t rss)
{
        struct sample s = SAMPLE_NOTHING;

        s.monotonic_ns = monotonic_ns;
        s.time_ns = monotonic_ns + 1000 * NS_PER_S;
        s.rss = rss;
        history_add(&history, &s);
}

/* The times in history.tsv, relative to the samples' clock; checks the head and the order. */
static size_t written(uint64_t *times, size_t max)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(HISTORY_TEXT_MAX);
        size_t n = 0;
        char *line;

        history_write(&history, &b);
        cr_assert(!b.cut);
        line = strchr(b.data, '\n') + 1;
        cr_expect_eq(strncmp(b.data, "time_ns\trss\tanon\t", 17), 0);
        for (; *line && n < max; line = strchr(line, '\n') + 1)
                times[n++] = strtoull(line, NULL, 10) - 1000 * NS_PER_S;
        for (size_t i = 1; i < n; i++)
                cr_assert_gt(times[i], times[i - 1], "row %zu", i);
        return n;
}

Test(history, the_last_moments_are_whole_and_the_past_is_thin)
{
        static uint64_t times[1000];
        const uint64_t end = 3 * 3600 * NS_PER_S;
        uint64_t t, n, gap;

        for (t = NS_PER_S; t < end - 10 * NS_PER_S; t += NS_PER_S)
                add(t, 1);
        for (; t < end; t += NS_PER_MS)
                add(t, 1);
        n = written(times, 1000);
        cr_expect_leq(n, HISTORY_RINGS * HISTORY_ROWS);
        cr_expect_eq(times[n - 1], t - NS_PER_MS, "the last sample is there");
        for (size_t i = n - 64; i + 1 < n; i++)
                cr_expect_eq(times[i + 1] - times[i], NS_PER_MS);
        /* Older by so much, no gap wider than this. */
        for (size_t i = 0; i + 1 < n; i++) {
                uint64_t age = t - times[i];

                gap = age < 600 * NS_PER_MS  ? 11 * NS_PER_MS
                      : age < 6 * NS_PER_S   ? 110 * NS_PER_MS
                      : age < 60 * NS_PER_S  ? 2 * NS_PER_S
                      : age < 600 * NS_PER_S ? 11 * NS_PER_S
                                             : 101 * NS_PER_S;
                cr_expect_leq(times[i + 1] - times[i], gap, "at an age of %" PRIu64 " ms", age / NS_PER_MS);
        }
        cr_expect_geq(t - times[0], 6300 * NS_PER_S, "it reaches back 1.75 hours");
}

Test(history, a_short_one_is_complete)
{
        uint64_t times[100];

        add(5 * NS_PER_S, 1);
        add(5 * NS_PER_S + NS_PER_MS, 1);
        add(6 * NS_PER_S, 1);
        cr_expect_eq(written(times, 100), 3);
        history_reset(&history);
        cr_expect_eq(written(times, 100), 0);
}

Test(history, unknown_is_a_dash)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(4096);

        add(NS_PER_S, 4096);
        history_write(&history, &b);
        cr_expect_str_eq(strchr(b.data, '\n') + 1, "1001000000000\t4096\t-\t-\t-\t-\t-\t-\n");
}

Test(history, the_longest_rows_fit)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(HISTORY_TEXT_MAX);
        struct sample s = {0};

        for (uint64_t i = 1; i < 20000; i++) {
                s.monotonic_ns = i * 100 * NS_PER_MS;
                s.time_ns = UINT64_MAX - 20000 + i;
                s.rss = s.anon = s.file = s.shmem = s.swap = s.group_usage = s.available = UINT64_MAX - 1;
                history_add(&history, &s);
        }
        history_write(&history, &b);
        cr_expect(!b.cut);
}

Test(history, growth)
{
        cr_expect_eq(history_growth(&history, NS_PER_S), 0);
        add(10 * NS_PER_S, 100);
        cr_expect_eq(history_growth(&history, NS_PER_S), 0, "one sample has no growth");
        add(11 * NS_PER_S, 200);
        cr_expect_eq(history_growth(&history, NS_PER_S), 100);
        add(12 * NS_PER_S, 200);
        cr_expect_eq(history_growth(&history, NS_PER_S), 0);
        cr_expect_eq(history_growth(&history, 2 * NS_PER_S), 50);
        add(13 * NS_PER_S, 50);
        cr_expect_eq(history_growth(&history, NS_PER_S), -150);
}
