/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <locale.h>

#include "render/stack_brief.h"
#include "render/stack_groups.h"

#define LIBC "/usr/lib/libc.so.6"
#define MAX  8

struct brief_case {
        const char *expected;
        size_t columns;
        struct report_frame frames[MAX];
};

static size_t n_frames(const struct brief_case *c)
{
        size_t n = 0;

        while (n < MAX && (c->frames[n].function || c->frames[n].module || c->frames[n].pc))
                n++;
        return n;
}

Test(stack_brief, shows_what_the_program_called_and_why)
{
        static const struct brief_case cases[] = {
                {"epoll_wait ← ev_run ← main",
                 80,
                 {{.function = "epoll_wait", .module = LIBC},
                  {.function = "ev_run", .module = "/x"},
                  {.function = "main", .module = "/x"},
                  {.function = "__libc_start_main_impl", .module = LIBC},
                  {.function = "_start", .module = "/x"}}},
                /* of a run inside libc the outermost, by the name that programs know */
                {"pthread_cond_wait ← work",
                 80,
                 {{.function = "__futex_abstimed_wait_common64", .module = LIBC},
                  {.function = "___pthread_cond_wait", .module = LIBC},
                  {.function = "work", .module = "/x"},
                  {.function = "start_thread", .module = LIBC},
                  {.function = "clone3", .module = LIBC}}},
                {"compare ← qsort_r ← main",
                 80,
                 {{.function = "compare", .module = "/x"},
                  {.function = "msort_with_tmp", .module = LIBC},
                  {.function = "__GI___qsort_r", .module = LIBC},
                  {.function = "main", .module = "/x"}}},
                /* template arguments, but no operator, are noise; so are the C++ library's own thread functions */
                {"map::at ← operator<< ← run",
                 80,
                 {{.function = "map<int, long>::at", .module = "/x"},
                  {.function = "operator<<", .module = "/x"},
                  {.function = "std::invoke<int>", .module = "/x", .inlined = true},
                  {.function = "run", .module = "/x"},
                  {.function = NULL, .module = "/usr/lib/libstdc++.so.6.0.30", .module_offset = 1}}},
                {"<T as Trait>::go ← operator-> ← Vec::<T>::push",
                 80,
                 {{.function = "<T as Trait<U>>::go"},
                  {.function = "operator->"},
                  {.function = "Vec::<T>::push"}}},
                /* without a symbol */
                {"plugin.so+0x1f ← 0x7f001234 ← main",
                 80,
                 {{.module = "/opt/plugin.so", .module_offset = 0x1f},
                  {.pc = 0x7f001234, .module_offset = REPORT_UNKNOWN},
                  {.function = "main", .module = "/x"}}},
                /* nothing but the C library, or nothing but a root */
                {"nanosleep",
                 80,
                 {{.function = "__GI___nanosleep", .module = LIBC},
                  {.function = "start_thread", .module = LIBC}}},
                {"_start", 80, {{.function = "_start", .module = "/x"}}},
                /* the middle makes room */
                {"aaaaaaaaaa ← bbbbbbbbbb ← … ← main",
                 35,
                 {{.function = "aaaaaaaaaa"},
                  {.function = "bbbbbbbbbb"},
                  {.function = "cccccccccc"},
                  {.function = "main"}}},
                {"aaaaaaaaaa ← bbbbbbbbbb ← cccccccccc ← main",
                 43,
                 {{.function = "aaaaaaaaaa"},
                  {.function = "bbbbbbbbbb"},
                  {.function = "cccccccccc"},
                  {.function = "main"}}},
                {"aaaaaaaa…", 9, {{.function = "aaaaaaaaaa"}, {.function = "main"}}},
                {"no stack: its registers are not here", 80, {{0}}},
                {"evil\\x1b ← main", 80, {{.function = "evil\x1b"}, {.function = "main"}}},
        };

        setlocale(LC_CTYPE, "C.UTF-8");
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct report_thread t = {.frames = cases[i].frames, .n_frames = n_frames(&cases[i])};
                _cleanup_buf_ struct buf out = BUF_GROWING(4096);

                stack_brief(&t, cases[i].columns, &out);
                cr_expect_str_eq(out.data, cases[i].expected, "is \"%s\", should be \"%s\"", out.data,
                                 cases[i].expected);
                cr_expect_leq(text_columns(out.data, out.len), cases[i].columns);
        }
}

Test(stack_brief, never_takes_more_columns_than_it_was_given)
{
        struct report_frame frames[200];
        const struct report_thread t = {.frames = frames, .n_frames = ARRAY_SIZE(frames)};

        for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
                frames[i] = (struct report_frame){
                        .function = i % 3 ? "f" : "a_rather_long_name_of_a_function_that_goes_on"};
        for (size_t columns = 1; columns < 200; columns++) {
                _cleanup_buf_ struct buf out = BUF_GROWING(4096);

                stack_brief(&t, columns, &out);
                cr_expect_leq(text_columns(out.data, out.len), columns, "%zu: %s", columns, out.data);
        }
}

Test(stack_groups, the_most_frequent_stack_first_each_thread_once)
{
        static const struct report_thread threads[] = {
                {.same_stack_as = 0}, {.same_stack_as = 1},  {.same_stack_as = 0}, {.same_stack_as = 1},
                {.same_stack_as = 1}, {.same_stack_as = 99}, /* nonsense stands for itself */
                {.same_stack_as = 7},                        /* so does a later thread */
                {.same_stack_as = 7},
        };
        static const size_t first[] = {1, 3, 4}, second[] = {0, 2};
        const struct report r = {.threads = threads, .n_threads = ARRAY_SIZE(threads)};
        _cleanup_stack_groups_ struct stack_groups g = {0};
        size_t sum = 0;

        cr_assert_eq(stack_groups_of(&r, &g), 0);
        cr_assert_eq(g.n, 5u);
        cr_expect_eq(g.list[0].n, 3u);
        cr_expect_arr_eq(g.list[0].members, first, sizeof(first));
        cr_expect_eq(g.list[1].n, 2u);
        cr_expect_arr_eq(g.list[1].members, second, sizeof(second));
        for (size_t i = 0; i < g.n; i++)
                sum += g.list[i].n;
        cr_expect_eq(sum, ARRAY_SIZE(threads));
}

Test(stack_groups, no_threads_are_no_groups)
{
        const struct report r = {0};
        _cleanup_stack_groups_ struct stack_groups g = {0};

        cr_assert_eq(stack_groups_of(&r, &g), 0);
        cr_expect_eq(g.n, 0u);
}
