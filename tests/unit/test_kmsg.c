/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/oom/kmsg.h"

static int parse(const char *raw, char copy[512], struct kmsg_record *r)
{
        size_t n = strlen(raw);

        memcpy(copy, raw, n + 1);
        return kmsg_record_parse(copy, n, r);
}

Test(kmsg, takes_a_record_apart)
{
        struct kmsg_record r;
        char copy[512];

        cr_assert_eq(parse("3,36598,3525542288,-;Memory cgroup out of memory\n", copy, &r), 0);
        cr_expect_eq(r.facility, KMSG_FACILITY_KERNEL);
        cr_expect_eq(r.level, 3);
        cr_expect_eq(r.seq, 36598);
        cr_expect_eq(r.time_ns, 3525542288000);
        cr_expect_eq(r.caller_len, 0);
        cr_expect_eq(r.text_len, strlen("Memory cgroup out of memory"));
}

Test(kmsg, unescapes_the_text_and_leaves_the_properties_out)
{
        static const char want[] = "a\nb \\ \x1b[0m \xff";
        struct kmsg_record r;
        char copy[512];

        cr_assert_eq(
                parse("6,1,2,-;a\\x0ab \\x5c \\x1b[0m \\xff\n SUBSYSTEM=pci\n DEVICE=+pci:0000\n", copy, &r),
                0);
        cr_assert_eq(r.text_len, strlen(want));
        cr_expect_arr_eq(r.text, want, r.text_len);
}

Test(kmsg, keeps_a_broken_escape_as_it_is)
{
        struct kmsg_record r;
        char copy[512];

        cr_assert_eq(parse("6,1,2,-;\\x4 \\xzz \\x41 \\x", copy, &r), 0);
        cr_assert_eq(r.text_len, strlen("\\x4 \\xzz A \\x"));
        cr_expect_arr_eq(r.text, "\\x4 \\xzz A \\x", r.text_len);
}

Test(kmsg, names_the_caller_where_the_kernel_does)
{
        struct kmsg_record r;
        char copy[512];

        cr_assert_eq(parse("6,1,2,-,caller=T4711;x", copy, &r), 0);
        cr_assert_eq(r.caller_len, 5);
        cr_expect_arr_eq(r.caller, "T4711", 5);
        cr_assert_eq(parse("6,1,2,-,caller=C0,new=1;x", copy, &r), 0);
        cr_assert_eq(r.caller_len, 2);
        cr_expect_arr_eq(r.caller, "C0", 2);
}

Test(kmsg, tells_a_program_s_record_from_the_kernel_s)
{
        struct kmsg_record r;
        char copy[512];

        cr_assert_eq(parse("12,1,2,-;Out of memory: Killed process 1 (init)", copy, &r), 0);
        cr_expect_eq(r.facility, 1, "LOG_USER: what write(2) on /dev/kmsg gets at least");
        cr_expect_eq(r.level, 4);
}

Test(kmsg, refuses_what_is_no_record)
{
        static const char *const cases[] = {
                "",           ";",       "3",
                "3,1",        "3,1,2",   "x,1,2,-;x",
                "-3,1,2,-;x", "3,1,2,-", "3,1,99999999999999999999,-;x",
        };
        struct kmsg_record r = {.seq = 77};
        char copy[512];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                cr_expect_eq(parse(cases[i], copy, &r), -EINVAL, "'%s'", cases[i]);
        cr_expect_eq(r.seq, 77, "written on error");
}
