/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/escape.h"

static const struct {
        const char *in;
        size_t len;
        const char *out;
        const char *why;
} cases[] = {
        {"plain text", 10, "plain text", "ASCII passes"},
        {"a\nb\tc", 5, "a\\nb\\tc", "line breaks are seen"},
        {"\x1b[31mred", 8, "\\x1b[31mred", "no escape sequence gets out"},
        {"\xc3\xa9t\xc3\xa9", 5, "\xc3\xa9t\xc3\xa9", "letters pass"},
        {"\xff\xfe", 2, "\\xff\\xfe", "not UTF-8"},
        {"\xc2\x9b", 2, "\\xc2\\x9b", "C1 CSI drives terminals too"},
        {"\xc0\xaf", 2, "\\xc0\\xaf", "overlong"},
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "surrogate"},
        {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae", "right-to-left override hides file endings"},
        {"\xd8\x9c", 2, "\\xd8\\x9c", "so does the Arabic letter mark"},
        {"\xf3\xa0\x81\x81", 4, "\\xf3\\xa0\\x81\\x81", "tags are not seen"},
        {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80", "above U+10FFFF"},
        {"\xe2\x82", 2, "\\xe2\\x82", "cut off"},
        {"a\0b", 3, "a\\x00b", "NUL"},
        {"\x7f", 1, "\\x7f", "DEL"},
        {"back\\slash", 10, "back\\slash", "unit names are full of them"},
};

Test(escape, makes_any_bytes_printable)
{
        char out[64];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                escape_text(cases[i].in, cases[i].len, out, sizeof(out));
                cr_expect_str_eq(out, cases[i].out, "%s: '%s'", cases[i].why, out);
        }
}

Test(escape, a_buffer_gives_the_same_as_one_piece)
{
        char long_text[300];
        char whole[sizeof(long_text) * ESCAPE_MAX_GROWTH + 1];

        /* Two-byte letters at odd offsets, so that the pieces' borders fall into characters. */
        for (size_t shift = 0; shift < 3; shift++) {
                _cleanup_buf_ struct buf b = BUF_GROWING(1 << 20);

                memset(long_text, 'x', sizeof(long_text));
                for (size_t i = shift; i + 3 < sizeof(long_text); i += 3)
                        memcpy(long_text + i, "\xe2\x82\xac", 3);
                escape_text(long_text, sizeof(long_text), whole, sizeof(whole));
                buf_escaped(&b, long_text, sizeof(long_text));
                cr_expect_str_eq(b.data, whole);
        }
}

Test(escape, never_overruns_and_never_splits)
{
        char out[8];

        for (size_t size = 1; size <= sizeof(out); size++) {
                memset(out, 'Z', sizeof(out));
                cr_expect_lt(escape_text("\x01\x02\xe2\x82\xac", 5, out, size), size);
                for (size_t i = size; i < sizeof(out); i++)
                        cr_expect_eq(out[i], 'Z');
                cr_expect(strlen(out) == 0 || strlen(out) == 4, "an escape is there or not: '%s'", out);
        }
}

Test(escape, a_diag_is_safe_to_print)
{
        struct diag d;

        cr_expect_eq(diag_set(&d, -5, "PID %d (%s)", 1, "e\x1b]0;owned\a"), -5);
        cr_expect_str_eq(d.text, "PID 1 (e\\x1b]0;owned\\x07)");
        cr_expect_eq(diag_set(NULL, -6, "nobody listens"), -6);
}
