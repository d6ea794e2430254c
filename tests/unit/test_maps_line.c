/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/maps_line.h"

Test(maps_line, reads_a_line)
{
        static const char text[] = "7fab0c53c000-7fab0c55e000 r-xp 00022000 103:0a 332162    /opt/my app/lib "
                                   "x.so (deleted)\nnext";
        struct maps_line m;
        const char *next;

        cr_assert_eq(maps_line_parse(text, strlen(text), &m, &next), 0);
        cr_expect_eq(m.start, 0x7fab0c53c000);
        cr_expect_eq(m.end, 0x7fab0c55e000);
        cr_expect_str_eq(m.perms, "r-xp");
        cr_expect_eq(m.offset, 0x22000);
        cr_expect_eq(m.dev_major, 0x103, "majors above 255 widen the field");
        cr_expect_eq(m.dev_minor, 10);
        cr_expect_eq(m.inode, 332162);
        cr_expect(maps_line_is(&m, "/opt/my app/lib x.so (deleted)"));
        cr_expect_str_eq(next, "next");
}

Test(maps_line, anonymous_memory_has_no_path)
{
        static const char *const lines[] = {
                "7ffe42225000-7ffe42246000 rw-p 00000000 00:00 0",
                "7ffe42225000-7ffe42246000 rw-p 00000000 00:00 0 ",
                "7ffe42225000-7ffe42246000 rw-p 00000000 00:00 0                          \n",
        };
        struct maps_line m;

        for (size_t i = 0; i < 3; i++) {
                cr_assert_eq(maps_line_parse(lines[i], strlen(lines[i]), &m, NULL), 0);
                cr_expect_null(m.path);
        }
}

Test(maps_line, refuses_what_is_no_line_and_still_finds_the_next)
{
        static const char *const lines[] = {
                "",
                "\n",
                "Rss:                 128 kB",
                "7ffe42225000",
                "7ffe42225000-7ffe42225000 rw-p 00000000 00:00 0",
                "7ffe42246000-7ffe42225000 rw-p 00000000 00:00 0",
                "7ffe42225000-7ffe42246000 rwzp 00000000 00:00 0",
                "7ffe42225000-7ffe42246000 rw-p",
                "7ffe42225000-7ffe42246000 rw-p 00000000 00:00",
                "7ffe42225000-7ffe42246000 rw-p 00000000 00:00 0x",
                "fffffffffffffffff-fffffffffffffffff0 rw-p 00000000 00:00 0",
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                char text[128];
                struct maps_line m;
                const char *next = NULL;

                snprintf(text, sizeof(text), "%s\nX", lines[i]);
                cr_expect_lt(maps_line_parse(text, strlen(text), &m, &next), 0, "'%s'", lines[i]);
                cr_assert_not_null(next);
        }
}

Test(maps_line, never_reads_past_the_end)
{
        static const char text[] = "7fab0c53c000-7fab0c55e000 r-xp 00022000 103:0a 332162    /x\n";

        for (size_t n = 0; n < sizeof(text); n++) {
                char *copy = malloc(n ? n : 1); /* ASan sees every byte behind it */
                struct maps_line m;

                memcpy(copy, text, n);
                (void)maps_line_parse(copy, n, &m, NULL);
                free(copy);
        }
}
