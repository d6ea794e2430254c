/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "capture/collectors/tree.h"

struct row {
        pid_t pid, ppid;
        uint64_t start;
};

static size_t relatives(const struct row *rows, size_t n, pid_t pid, pid_t ppid, size_t max, pid_t out[32],
                        bool *more)
{
        struct tree t = {0};
        struct tree_node *nodes = NULL;
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                cr_assert_eq(tree_add(&t, rows[i].pid, rows[i].ppid, rows[i].start), 0);
        cr_assert_eq(tree_relatives(&t, pid, ppid, max, &nodes, &count, more), 0);
        cr_assert_leq(count, 32u);
        for (size_t i = 0; i < count; i++)
                out[i] = nodes[i].pid;
        free(nodes);
        tree_done(&t);
        return count;
}

Test(tree, ancestors_nearest_first_then_descendants_level_by_level)
{
        static const struct row rows[] = {{1, 0, 0},   {2, 0, 0},   {10, 1, 5},  {20, 10, 6},
                                          {21, 10, 7}, {30, 20, 8}, {31, 20, 9}, {40, 30, 10}};
        static const pid_t expected[] = {10, 1, 30, 31, 40};
        pid_t out[32];
        bool more;

        cr_assert_eq(relatives(rows, ARRAY_SIZE(rows), 20, 10, 100, out, &more), ARRAY_SIZE(expected));
        cr_expect_arr_eq(out, expected, sizeof(expected));
        cr_expect_not(more);
}

Test(tree, too_many_descendants_are_cut_and_said)
{
        static const struct row rows[] = {{1, 0, 0}, {5, 1, 1}, {6, 5, 2}, {7, 5, 2}, {8, 5, 2}};
        pid_t out[32];
        bool more;

        cr_expect_eq(relatives(rows, ARRAY_SIZE(rows), 5, 1, 2, out, &more), 3);
        cr_expect(more);
        cr_expect_eq(relatives(rows, ARRAY_SIZE(rows), 5, 1, 3, out, &more), 4);
        cr_expect_not(more);
}

Test(tree, a_list_taken_while_parents_changed_ends_all_the_same)
{
        static const struct row ring[] = {{5, 6, 1}, {6, 7, 1}, {7, 5, 1}, {8, 8, 1}};
        pid_t out[32];
        bool more;

        cr_expect_leq(relatives(ring, ARRAY_SIZE(ring), 5, 6, 100, out, &more), ARRAY_SIZE(ring));
        cr_expect_leq(relatives(ring, ARRAY_SIZE(ring), 8, 8, 100, out, &more), ARRAY_SIZE(ring));
}

Test(tree, a_reused_pid_is_no_ancestor)
{
        /* 10 started after its supposed child 20: it is not the parent that 20 had. */
        static const struct row rows[] = {{1, 0, 0}, {9, 10, 5}, {10, 1, 99}, {20, 9, 6}};
        pid_t out[32];
        bool more;

        cr_expect_eq(relatives(rows, ARRAY_SIZE(rows), 20, 9, 100, out, &more), 1);
        cr_expect_eq(out[0], 9);
}

Test(tree, an_orphan_of_another_pid_namespace_has_no_ancestors)
{
        static const struct row rows[] = {{20, 0, 6}, {21, 20, 7}};
        pid_t out[32];
        bool more;

        cr_expect_eq(relatives(rows, ARRAY_SIZE(rows), 20, 0, 100, out, &more), 1);
        cr_expect_eq(out[0], 21);
}
