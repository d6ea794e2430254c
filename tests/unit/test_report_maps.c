/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "analysis/maps.h"
#include "base/cleanup.h"

#define LIBRARY                                                                                              \
        "7f0c6a000000-7f0c6a022000 r--p 00000000 103:02 42    /opt/my app/lib x.so\n"                        \
        "7f0c6a022000-7f0c6a17b000 r-xp 00022000 103:02 42    /opt/my app/lib x.so\n"

static const char smaps_text[] = "55d0c9a00000-55d0c9c21000 rw-p 00000000 00:00 0    [heap]\n"
                                 "Size:               2180 kB\n"
                                 "KernelPageSize:        4 kB\n"
                                 "Rss:                 100 kB\n"
                                 "Pss:                  90 kB\n"
                                 "Pss_Dirty:            90 kB\n"
                                 "Private_Clean:         8 kB\n"
                                 "Private_Dirty:        80 kB\n"
                                 "Anonymous:           100 kB\n"
                                 "SwapPss:               3 kB\n"
                                 "Swap:                  4 kB\n"
                                 "Locked:                0 kB\n"
                                 "THPeligible:           0\n"
                                 "VmFlags: rd wr mr mw me ac sd\n"
                                 "7f0c6a000000-7f0c6a022000 r--p 00000000 103:02 42    /opt/my app/lib x.so\n"
                                 "Rss:                  50 kB\n"
                                 "Pss:                   5 kB\n";

Test(maps, mappings_of_one_file_share_its_name)
{
        struct pool pool = {0};
        struct maps m;

        cr_assert_eq(maps_parse(LIBRARY, strlen(LIBRARY), &pool, &m), 0);
        cr_assert_eq(m.n, 2);
        cr_expect_str_eq(m.list[0].path, "/opt/my app/lib x.so");
        cr_expect_eq(m.list[0].path, m.list[1].path, "one string for both");
        cr_expect_str_eq(m.list[1].perms, "r-xp");
        cr_expect_eq(m.list[1].size, 0x159000);
        cr_expect_eq(m.list[1].dev_major, 0x103);
        cr_expect_eq(m.list[0].rss, REPORT_UNKNOWN, "maps does not say");
        pool_free(&pool);
}

Test(maps, what_is_no_mapping_is_passed_over)
{
        static const char text[] = "garbage\n" LIBRARY "\n\xff\xfe\n7f0c6a17b000-";
        struct pool pool = {0};
        struct maps m;

        cr_assert_eq(maps_parse(text, strlen(text), &pool, &m), 0);
        cr_expect_eq(m.n, 2);
        pool_free(&pool);
}

Test(smaps, keys_belong_to_the_mapping_above_them)
{
        struct smaps_total total;
        struct pool pool = {0};
        struct maps m;

        cr_assert_eq(smaps_parse(smaps_text, strlen(smaps_text), &pool, &m, &total), 0);
        cr_assert_eq(m.n, 2);
        cr_expect_eq(m.list[0].rss, 100 * 1024);
        cr_expect_eq(m.list[0].pss, 90 * 1024, "not Pss_Dirty");
        cr_expect_eq(m.list[0].swap, 4 * 1024, "not SwapPss");
        cr_expect_eq(m.list[0].anonymous, 100 * 1024);
        cr_expect_eq(m.list[1].rss, 50 * 1024);
        cr_expect_eq(m.list[1].anonymous, REPORT_UNKNOWN, "a key that is not there is unknown, not 0");
        cr_expect_eq(total.rss, 150 * 1024);
        cr_expect_eq(total.private_dirty, 80 * 1024);
        cr_expect_eq(total.anon_huge, REPORT_UNKNOWN, "this kernel has no such key");
        cr_expect_eq(total.page_size, 4096);
        pool_free(&pool);
}

Test(smaps, a_rollup_is_read_the_same)
{
        static const char text[] =
                "560b94d0a000-7ffe9b454000 ---p 00000000 00:00 0    [rollup]\n"
                "Rss:                1744 kB\nPss:                 308 kB\nPss_Anon:  112 kB\n"
                "Private_Clean:        40 kB\nPrivate_Dirty:       112 kB\n";
        struct smaps_total total;

        smaps_rollup_parse(text, strlen(text), &total);
        cr_expect_eq(total.rss, 1744 * 1024);
        cr_expect_eq(total.pss, 308 * 1024);
        cr_expect_eq(total.swap, REPORT_UNKNOWN);
}

Test(smaps, hostile_numbers_do_not_overflow_the_sums)
{
        static const char text[] = "1000-2000 rw-p 0 0:0 0\nRss: 18014398509481983 kB\nRss: 1 kB\n"
                                   "2000-3000 rw-p 0 0:0 0\nRss: 18014398509481983 kB\n";
        struct smaps_total total;
        struct pool pool = {0};
        struct maps m;

        cr_assert_eq(smaps_parse(text, strlen(text), &pool, &m, &total), 0);
        cr_expect_eq(m.list[0].rss, UINT64_C(18014398509481983) * 1024, "the first of two counts");
        cr_expect_eq(total.rss, REPORT_UNKNOWN - 1, "as large as it gets, but known");
        pool_free(&pool);
}

Test(maps, a_cut_smaps_is_completed_from_maps)
{
        static const struct {
                const char *smaps;
                size_t n;
                bool complete;
                const char *why;
        } cases[] = {
                {"7f0c6a000000-7f0c6a022000 r--p 0 0:0 42 /x\nRss: 4 kB\n7f0c6a022000-7f0c6a17b000 r-xp 0 "
                 "0:0 42 /x\nRss: 4 kB\n",
                 2, true, "all is there"},
                {"7f0c6a000000-7f0c6a022000 r--p 0 0:0 42 /x\nRss: 4 kB\n7f0c6a022000-7f0c6a17b000 r-xp 0 "
                 "0:0 42 /x\n",
                 2, false, "cut behind a header"},
                {"7f0c6a000000-7f0c6a022000 r--p 0 0:0 42 /x\nRss: 4 kB\n", 2, false, "cut between mappings"},
                {"", 2, false, "empty"},
        };
        struct pool pool = {0};
        struct maps maps;

        cr_assert_eq(maps_parse(LIBRARY, strlen(LIBRARY), &pool, &maps), 0);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct maps smaps, merged;
                struct smaps_total total;
                bool complete;

                cr_assert_eq(smaps_parse(cases[i].smaps, strlen(cases[i].smaps), &pool, &smaps, &total), 0);
                cr_assert_eq(maps_merge(&maps, &smaps, &pool, &merged, &complete), 0);
                cr_expect_eq(merged.n, cases[i].n, "%s", cases[i].why);
                cr_expect_eq(complete, cases[i].complete, "%s", cases[i].why);
        }
        pool_free(&pool);
}
