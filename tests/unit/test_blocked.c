/* SPDX-License-Identifier: MIT */
#include "injector/blocked.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(blocked, understands_the_kernels_forms_and_nothing_else)
{
        static const struct {
                const char *text;
                int result;
                int64_t syscall;
                uint64_t sp, pc;
        } cases[] = {
                {"202 0x7f01 0x80 0x0 0x0 0x0 0x0 0x7ffc2d1b0a58 0x7f3a6c8e51a9\n", 0, 202, 0x7ffc2d1b0a58,
                 0x7f3a6c8e51a9},
                {"-1 0x7ffc2d1b0a58 0x5581a0\n", 0, -1, 0x7ffc2d1b0a58, 0x5581a0}, /* a page fault */
                {"running\n", -EAGAIN, 0, 0, 0},
                {"-1 0x0 0x0\n", -ESRCH, 0, 0, 0}, /* a zombie: no registers any more */
                {"", -EINVAL, 0, 0, 0},
                {"202", -EINVAL, 0, 0, 0},
                {"202 0x1 0x2 0x3", -EINVAL, 0, 0, 0},
                {"202 7f01 0x80", -EINVAL, 0, 0, 0},
                {"x 0x1 0x2", -EINVAL, 0, 0, 0},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct blocked b = {0};

                cr_expect_eq(blocked_parse(cases[i].text, strlen(cases[i].text), &b), cases[i].result, "'%s'",
                             cases[i].text);
                cr_expect_eq(b.syscall, cases[i].syscall, "'%s'", cases[i].text);
                cr_expect_eq(b.sp, cases[i].sp, "'%s'", cases[i].text);
                cr_expect_eq(b.pc, cases[i].pc, "'%s'", cases[i].text);
        }
}
