/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/buf.h"

Test(buf, grows_to_its_bound_and_says_when_it_was_cut)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1000);

        for (int i = 0; i < 10; i++)
                buf_printf(&b, "%0*d", 100, i);
        cr_expect_eq(b.len, 1000);
        cr_expect_not(b.cut);
        buf_char(&b, 'x');
        cr_expect(b.cut);
        cr_expect_eq(b.len, 1000);
        cr_expect_eq(b.data[1000], '\0');
        cr_expect_eq(buf_reserve(&b, 1), -ENOSPC);
}

Test(buf, a_fixed_one_keeps_what_fits)
{
        char memory[8];
        struct buf b = BUF_FIXED(memory, sizeof(memory));

        buf_str(&b, "0123456789");
        cr_expect_str_eq(memory, "0123456");
        cr_expect(b.cut);
        buf_reset(&b);
        cr_expect_not(b.cut);
        buf_str(&b, "ok");
        cr_expect_str_eq(memory, "ok");
        buf_done(&b); /* must not free the stack */
}

Test(buf, prints_texts_longer_than_its_own_scratch)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(100000);

        buf_printf(&b, "%5000s|", "end");
        cr_expect_eq(b.len, 5001);
        cr_expect_str_eq(b.data + 4997, "end|");
}
