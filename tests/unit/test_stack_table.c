/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/stacks/stack_table.h"
#include "analysis/thread_list.h"
#include "tests/unit/core_image.h"

Test(stack_table, equal_stacks_are_kept_once)
{
        _cleanup_(pool_free) struct pool pool = {0};
        struct stack_table t = {.pool = &pool};
        size_t index[2000], again;

        for (uint64_t i = 0; i < ARRAY_SIZE(index); i++) {
                struct unwind_frame frames[] = {{.pc = i % 500, .exact = true}, {.pc = 77}};
                struct unwind_result r = {.n_frames = 2, .end = UNWIND_ROOT};

                cr_assert_eq(stack_table_put(&t, frames, &r, &index[i]), 0);
        }
        cr_expect_eq(t.n, 500);
        for (size_t i = 0; i < ARRAY_SIZE(index); i++)
                cr_expect_eq(index[i], i % 500);
        /* The same frames, but it ends for another reason. */
        cr_assert_eq(
                stack_table_put(&t, t.stacks[3].frames,
                                &(struct unwind_result){.n_frames = 2, .end = UNWIND_NO_CFI, .address = 9},
                                &again),
                0);
        cr_expect_eq(again, 500);
        stack_table_done(&t);
}

Test(stack_table, threads_that_spin_in_one_function_are_one_group)
{
        static const struct {
                uint64_t pc, caller;
                const char *function;
                size_t same_as;
        } cases
                [] =
                        {
                                {0x100, 0x900, "spin", 0},
                                {0x104, 0x900, "spin", 0},
                                {0x200, 0x900, "other", 2},
                                {0x108, 0x904, "spin", 3}, /* called from elsewhere */
                                {0x300, 0x900, NULL, 4},
                                {0x304, 0x900, NULL, 5}, /* without a name nothing says that it is the same function */
                                {0x10c, 0x900, "spin", 0},
                        };
        _cleanup_(pool_free) struct pool pool = {0};
        struct stack_table t = {.pool = &pool};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct unwind_frame frames[] = {{.pc = cases[i].pc, .exact = true}, {.pc = cases[i].caller}};
                struct report_frame *shown = pool_alloc(&pool, 2 * sizeof(*shown));
                size_t index;

                shown[0] = (struct report_frame){.pc = cases[i].pc, .function = cases[i].function};
                shown[1] = (struct report_frame){.pc = cases[i].caller, .function = "main"};
                cr_assert_eq(stack_table_put(&t, frames, &(struct unwind_result){.n_frames = 2}, &index), 0);
                t.stacks[index].shown = shown;
                t.stacks[index].n_shown = 2;
                t.stacks[index].n_innermost = 1;
        }
        cr_assert_eq(stack_table_group(&t), 0);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect_eq(t.stacks[i].same_as, cases[i].same_as, "%zu: %zu", i, t.stacks[i].same_as);
        stack_table_done(&t);
}

#define REGS(pc_)                                                                                            \
        (struct core_image_reg[])                                                                            \
        {                                                                                                    \
                {128, pc_},                                                                                  \
                {                                                                                            \
                        UINT16_MAX, 0                                                                        \
                }                                                                                            \
        }

Test(thread_list, joins_the_table_with_the_core_and_does_without_either)
{
        static const struct thread_row rows[] = {{.tid = 12, .how = "syscall", .reason = "did not stop"},
                                                 {.tid = 11, .how = "stopped"},
                                                 {.tid = 13, .how = "none", .reason = "ended"},
                                                 {.tid = 14, .how = "some later word"}};
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_core_ struct core core = {0};
        _cleanup_(pool_free) struct pool pool = {0};
        struct thread_entry *list;
        size_t n;

        core_image_thread(&image, 11, REGS(0x11));
        core_image_thread(&image, 12, REGS(0x12));
        core_image_thread(&image, 13, REGS(0));
        cr_assert_eq(core_parse(core_image_finish(&image), &core), 0);
        cr_assert_eq(thread_list_make(rows, ARRAY_SIZE(rows), &core, &pool, &list, &n), 0);
        cr_assert_eq(n, 4);
        cr_expect_eq(list[0].tid, 12);
        cr_expect_str_eq(list[0].how, "syscall");
        cr_expect_str_eq(list[0].reason, "did not stop");
        cr_expect_eq(arch_get(list[0].gregs, 128), 0x12);
        cr_expect_eq(arch_get(list[1].gregs, 128), 0x11);
        cr_expect_null(list[2].gregs, "nothing was taken: the core has zeros");
        cr_expect_str_eq(list[3].how, "none", "the core does not have it");

        cr_assert_eq(thread_list_make(NULL, 0, &core, &pool, &list, &n), 0);
        cr_assert_eq(n, 3);
        cr_expect_eq(list[0].tid, 11);
        cr_assert_eq(thread_list_make(rows, 1, NULL, &pool, &list, &n), 0);
        cr_assert_eq(n, 1);
        cr_expect_null(list[0].gregs);
        cr_assert_eq(thread_list_make(NULL, 0, NULL, &pool, &list, &n), 0);
        cr_expect_eq(n, 0);
}
