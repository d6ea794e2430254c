/* SPDX-License-Identifier: MIT */
/* The pure parts of the tables that are captured. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/elf_brief.h"
#include "base/escape.h"
#include "base/memory_group.h"
#include "base/oom/storm.h"
#include "base/cleanup.h"
#include "capture/collectors/processes.h"
#include "capture/collectors/shrinkers.h"

static int parse(const char *text, struct process_row *ret)
{
        return process_row_parse(text, strlen(text), ret);
}

Test(processes, read_what_a_process_holds)
{
        struct process_row p;

        cr_assert_eq(parse("Name:\ta (name)\nState:\tS (sleeping)\nPPid:\t7\nUid:\t1000\t0\t0\t0\nVmRSS:\t   "
                           " 1024 kB\n"
                           "RssAnon:\t     512 kB\nRssFile:\t 500 kB\nRssShmem:\t 12 kB\nVmPTE:\t 44 kB\n"
                           "VmSwap:\t 8 kB\nThreads:\t3\n",
                           &p),
                     0);
        cr_expect_eq(p.name_len, strlen("a (name)"));
        cr_expect_eq(p.state, 'S');
        cr_expect_eq(p.ppid, 7u);
        cr_expect_eq(p.uid, 1000u);
        cr_expect_eq(p.threads, 3u);
        cr_expect(p.has_memory);
        cr_expect_eq(p.amount[0], 1024u * 1024);
        cr_expect_eq(p.amount[4], 8u * 1024, "swap");
        cr_expect_eq(p.amount[5], 44u * 1024, "page tables");
}

Test(processes, tell_those_without_memory)
{
        struct process_row p;

        cr_assert_eq(parse("Name:\tkthreadd\nState:\tS (sleeping)\n", &p), 0);
        cr_expect_not(p.has_memory);
        cr_expect_eq(p.amount[0], UINT64_MAX);
        cr_expect_eq(parse("", &p), -EINVAL);
        cr_expect_eq(parse("Name:\tcut off", &p), -EINVAL);
}

Test(processes, do_not_multiply_absurd_numbers)
{
        struct process_row p;

        cr_assert_eq(parse("Name:\tx\nVmRSS:\t18446744073709551615 kB\n", &p), 0);
        cr_expect_not(p.has_memory);
}

Test(shrinkers, add_up_all_groups_and_nodes)
{
        static const char text[] = "1 224 0\n21 98 17\n2367 2\n";

        cr_expect_eq(shrinker_count_parse(text, strlen(text)), 224u + 98 + 17 + 2);
        cr_expect_eq(shrinker_count_parse("", 0), 0u);
        cr_expect_eq(shrinker_count_parse("7\n", 2), 0u, "a group without a node");
}

Test(escape, keeps_a_cell_in_its_column)
{
        static const char in[] = "a\tb\nc\\d\x7f\x1b";
        char out[sizeof(in) * ESCAPE_MAX_GROWTH];
        size_t n = escape_cell(in, strlen(in), out);

        cr_expect_eq(n, strlen("a\\x09b\\x0ac\\x5cd\\x7f\\x1b"));
        cr_expect_arr_eq(out, "a\\x09b\\x0ac\\x5cd\\x7f\\x1b", n);
}

Test(storm, lets_one_pass_and_counts_the_others)
{
        struct storm s = {0};
        unsigned left_out = 9;

        cr_expect(storm_pass(&s, 1, &left_out));
        cr_expect_eq(left_out, 0u);
        cr_expect_not(storm_pass(&s, 2, &left_out));
        cr_expect_not(storm_pass(&s, STORM_NS, NULL));
        cr_expect(storm_pass(&s, 1 + STORM_NS, &left_out));
        cr_expect_eq(left_out, 2u);
        cr_expect(storm_pass(&s, 1 + 2 * STORM_NS, &left_out));
        cr_expect_eq(left_out, 0u);
}

Test(elf_brief, knows_a_dynamic_program_from_other_files)
{
        _cleanup_fd_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        _cleanup_fd_ int text = open("Makefile", O_RDONLY | O_CLOEXEC);
        struct elf_brief b;

        cr_assert_eq(elf_brief_read(self, &b), 0);
        cr_expect(b.dynamic);
        cr_expect(b.symbols);
        cr_expect_not(b.go);
        cr_expect_eq(elf_brief_read(text, &b), -EINVAL);
}
