/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "render/text/text.h"

struct page {
        struct report report;
        struct render_style style;
        struct buf out;
        struct text t;
};

static struct text *page_begin(struct page *p, unsigned width)
{
        setlocale(LC_CTYPE, "C.UTF-8");
        *p = (struct page){.style = {.width = width}, .out = BUF_GROWING(1 << 16)};
        p->t = (struct text){&p->report, &p->style, &p->out};
        return &p->t;
}

static void page_expect(struct page *p, const char *expected)
{
        cr_expect_str_eq(p->out.data ? p->out.data : "", expected, "is \"%s\", should be \"%s\"", p->out.data,
                         expected);
        buf_done(&p->out);
}

Test(text_write, paragraphs_break_between_words)
{
        struct page p;
        struct text *t = page_begin(&p, 20);
        size_t begin = text_begin(t);

        buf_str(t->out, "Why       the quick brown fox");
        text_wrap(t, begin, 10);
        page_expect(&p, "Why       the quick\n          brown fox\n");
}

Test(text_write, a_number_stays_with_its_unit)
{
        struct page p;
        struct text *t = page_begin(&p, 12);
        size_t begin = text_begin(t);

        buf_str(t->out, "it holds 12.5 MiB");
        text_wrap(t, begin, 0);
        page_expect(&p, "it holds\n12.5 MiB\n");
}

Test(text_write, a_word_longer_than_the_line_is_broken)
{
        struct page p;
        struct text *t = page_begin(&p, 10);
        size_t begin = text_begin(t);

        buf_str(t->out, "x 0123456789abcdefghij");
        text_wrap(t, begin, 2);
        page_expect(&p, "x 01234567\n  89abcdef\n  ghij\n");
}

Test(text_write, colours_take_no_columns)
{
        struct page p;
        struct text *t = page_begin(&p, 11);
        size_t begin;

        p.style.color = true;
        begin = text_begin(t);
        text_styled(t, STYLE_STRONG, "hello");
        buf_str(t->out, " world again");
        text_wrap(t, begin, 0);
        page_expect(&p, "\x1b[1mhello\x1b[0m world\nagain\n");
}

Test(text_write, what_is_too_long_loses_its_end_or_its_start)
{
        static const struct {
                const char *in;
                size_t max;
                const char *head, *tail;
        } cases[] = {
                {"short", 5, "short", "short"},
                {"0123456789", 5, "0123…", "…6789"},
                {"0123456789", 1, "…", "…"},
                {"0123456789", 0, "", ""},
                {NULL, 5, "?", "?"},
                {"", 5, "", ""},
                {"a\nb", 4, "a\\nb", "a\\nb"},
                {"äöüäöü", 4, "äöü…", "…äöü"},
                {"日本語日本語", 6, "日本…", "…本語"},                       /* two columns each */
                {"/usr/lib/libc.so.6", 14, "/usr/lib/libc…", "…/libc.so.6"}, /* a path keeps whole names */
                {"/usr/lib/libc.so.6", 6, "/usr/…", "….so.6"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct page p;

                text_escaped(page_begin(&p, 80), cases[i].in, cases[i].max);
                page_expect(&p, cases[i].head);
                text_escaped_tail(page_begin(&p, 80), cases[i].in, cases[i].max);
                page_expect(&p, cases[i].tail);
        }
}

Test(text_write, shares_bars_and_durations_in_words)
{
        static const struct {
                double seconds;
                const char *text;
        } durations[] = {{0.0000005, "0.5 us"}, {0.00021, "210 us"}, {0.0123, "12 ms"}, {1.5, "1.5 s"},
                         {119, "119 s"},        {600, "10 min"},     {11520, "3.2 h"},  {864000, "10 days"},
                         {0, "0.0 us"},         {7199.9, "120 min"}};
        static const struct {
                uint64_t part, whole;
                const char *share, *bar;
        } shares[] = {{0, 100, "  0 %", "    "},
                      {1, 1000, " <1 %", "▏   "},
                      {50, 100, " 50 %", "██  "},
                      {100, 100, "100 %", "████"},
                      {150, 100, "150 %", "████"},
                      {1, 0, "     ", "    "},
                      {REPORT_UNKNOWN, 5, "     ", "    "},
                      {5, REPORT_UNKNOWN, "     ", "    "},
                      {UINT64_MAX - 1, 1, ">999 %", "████"},
                      {36, 100, " 36 %", "█▌  "}};
        struct page p;

        for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
                text_duration(page_begin(&p, 80), durations[i].seconds);
                page_expect(&p, durations[i].text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
                text_share(page_begin(&p, 80), shares[i].part, shares[i].whole);
                page_expect(&p, shares[i].share);
                text_bar(page_begin(&p, 80), shares[i].part, shares[i].whole, 4);
                page_expect(&p, shares[i].bar);
        }
}

Test(text_write, counts_are_grouped_by_thousands)
{
        char out[COUNT_TEXT];

        cr_expect_str_eq(text_count(0, out), "0");
        cr_expect_str_eq(text_count(999, out), "999");
        cr_expect_str_eq(text_count(1000, out), "1,000");
        cr_expect_str_eq(text_count(59800, out), "59,800");
        cr_expect_str_eq(text_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
}
