/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/tree.h"

/* "PID<PPID ..." -> "PID ..." in the order of the report; s, a, d for the relation. */
static void expect_order(const char *input, int32_t self, const char *expected, const char *why)
{
        struct report_process_row rows[16];
        char text[256] = "";
        size_t n = 0, len = 0;
        int pid, ppid, used;

        for (const char *p = input; sscanf(p, "%d<%d %n", &pid, &ppid, &used) == 2; p += used)
                rows[n++] = (struct report_process_row){.pid = pid, .ppid = ppid};
        cr_assert_eq(tree_order(rows, n, self), 0);
        for (size_t i = 0; i < n; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d%c", i ? " " : "", rows[i].pid,
                                        "sad"[rows[i].relation]);
        cr_expect_str_eq(text, expected, "%s", why);
}

Test(report_tree, self_then_ancestors_then_descendants)
{
        expect_order("1<0 10<1 20<10 ", 20, "20s 10a 1a", "up to PID 1");
        expect_order("1<0 5<20 7<5 8<20 20<1 ", 20, "20s 1a 5d 7d 8d",
                     "a process before its children, siblings by PID");
        expect_order("5<20 6<20 7<5 9<7 20<1 ", 20, "20s 5d 7d 9d 6d", "depth first");
        expect_order("1<0 ", 1, "1s", "PID 1 itself");
        expect_order("", 1, "", "nothing");
}

Test(report_tree, keeps_those_whose_way_is_lost)
{
        expect_order("1<0 30<25 40<30 50<1 ", 50, "50s 1a 30d 40d", "25 ended while the tree was read");
        expect_order("1<0 30<1 ", 99, "1d 30d", "the target itself is not there");
}

Test(report_tree, circles_end)
{
        expect_order("1<5 3<1 5<3 ", 5, "5s 3a 1a", "a circle with the target");
        expect_order("1<0 3<4 4<3 5<1 ", 5, "5s 1a 3d 4d", "a circle beside it");
        expect_order("5<5 ", 5, "5s", "its own parent");
        expect_order("3<5 4<3 5<4 6<3 ", 5, "5s 4a 3a 6d", "descendants in the circle are ancestors already");
}

Test(report_tree, a_long_chain_takes_no_stack_and_linear_time)
{
        const size_t n = 30000;
        struct report_process_row *rows = calloc(n, sizeof(*rows));

        cr_assert_not_null(rows);
        for (size_t i = 0; i < n; i++)
                rows[i] = (struct report_process_row){.pid = (int32_t)i + 1, .ppid = (int32_t)i};
        cr_assert_eq(tree_order(rows, n, 1), 0);
        cr_expect_eq(rows[n - 1].pid, (int32_t)n);
        cr_expect_eq(rows[n - 1].relation, TREE_DESCENDANT);
        free(rows);
}
