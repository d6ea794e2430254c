/* SPDX-License-Identifier: MIT */
#include "capture/stacks/stack_range.h"

#include <criterion/criterion.h>
#include <string.h>

#define PAGE 4096

static const char text[] =
        "00400000-00401000 r-xp 00000000 fe:00 11                         /bin/app\n"
        "7f0000000000-7f0004000000 rw-p 00000000 00:00 0\n" /* an arena: no guard below */
        "7f0010000000-7f0010001000 ---p 00000000 00:00 0\n" /* a thread's stack */
        "7f0010001000-7f0010801000 rw-p 00000000 00:00 0\n"
        "not a line of maps\n"
        "7f0010001000-7f0010801000 rw-p 00000000 00:00 0\n" /* read twice while it changed */
        "7f0020000000-7f0020100000 rw-p 00000000 fe:00 12                 /data/stacks\n"
        "7f0030000000-7f0030800000 ---p 00000000 00:00 0\n" /* one that is being made */
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                  [stack]\n"
        "7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0                  [vdso]\n";

static struct map_index index_of(void)
{
        struct buf maps = {.data = (char *)(uintptr_t)text, .len = strlen(text)};
        struct map_index m;

        cr_assert_eq(map_index_make(&maps, &m), 0);
        return m;
}

Test(map_index, finds_the_mapping_of_an_address_and_no_other)
{
        struct map_index m = index_of();

        cr_expect_eq(m.n, 8);
        cr_expect_eq(map_index_find(&m, 0x400000)->start, 0x400000);
        cr_expect_eq(map_index_find(&m, 0x400fff)->start, 0x400000);
        cr_expect_null(map_index_find(&m, 0x401000));
        cr_expect_null(map_index_find(&m, 0));
        cr_expect_null(map_index_find(&m, UINT64_MAX));
        cr_expect_eq(map_index_at_or_above(&m, 0x401000)->start, 0x7f0000000000);
        cr_expect_null(map_index_at_or_above(&m, 0x7ffc00102000));
        cr_expect_eq(map_index_find(&m, 0x7ffc00100000)->flags, MAP_IS_READ | MAP_IS_EXEC | MAP_IS_VDSO);
        cr_expect_eq(map_index_find(&m, 0x7ffc00000000)->flags, MAP_IS_READ | MAP_IS_WRITE | MAP_IS_STACK);
        map_index_done(&m);
}

Test(stack_range, is_what_the_stack_pointer_and_the_mapping_say)
{
        struct map_index m = index_of();
        static const struct {
                uint64_t sp, start;
                unsigned pages;
                bool in_file;
                const char *why;
        } cases[] = {
                {0x7f0010800f00, 0x7f0010800000, 1, false, "to the end of a thread's stack"},
                {0x7f00107fd010, 0x7f00107fc000, 5, false, "the red zone reaches into the page below"},
                {0x7f0010002000, 0x7f0010001000, 64, false, "deep recursion: 256 KiB"},
                {0x7f0010001010, 0x7f0010001000, 64, false, "the red zone does not reach into the guard"},
                {0x7f0001000800, 0x7f0001000000, 16, false, "a goroutine's in the heap: 64 KiB"},
                {0x7f0003fff000, 0x7f0003ffe000, 2, false, "but not beyond its mapping"},
                {0x7f0020000800, 0x7f0020000000, 16, true, "in a file: pages may have to be read"},
                {0x7ffc00020000, 0x7ffc0001f000, 2, false, "the main thread"},
                {0x7ffbffff0800, 0x7ffbffff0000, 49, false, "its stack has grown since"},
                {0x7f0010000800, 0x7f0010001000, 64, false, "in the guard: the stack has run out"},
                {0x7f00307ff800, 0x7f00307ff000, 1, false, "mapped, and not readable yet: blindly"},
                {0x7f0008000000, 0x7f0007fff000, 16, false, "a mapping made since: blindly"},
                {0x7f000fffe000, 0x7f000fffd000, 3, false, "blindly, but short of what is something else"},
                {0x7ffffffff000, 0x7fffffffe000, 16, false, "above all mappings"},
                {0, 0, 16, false, "no stack pointer at all: whatever is there, nothing will be read"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct stack_range r = stack_range_of(&m, cases[i].sp, 128, PAGE);

                cr_expect_eq(r.start, cases[i].start, "%s: 0x%lx", cases[i].why, (unsigned long)r.start);
                cr_expect_eq(r.pages, cases[i].pages, "%s: %u", cases[i].why, r.pages);
                cr_expect_eq(r.in_file, cases[i].in_file, "%s", cases[i].why);
        }
        map_index_done(&m);
}

Test(stack_range, without_maps_looks_blindly)
{
        struct map_index none = {0};
        struct stack_range r = stack_range_of(&none, 0x7ffc00020800, 128, PAGE);

        cr_expect_eq(r.start, 0x7ffc00020000);
        cr_expect_eq(r.pages, 16);
}
