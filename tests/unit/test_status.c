/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "analysis/limits.h"
#include "analysis/memory.h"
#include "analysis/status.h"

Test(status, reads_what_a_report_shows)
{
        static const char text[] =
                "Name:\tVmRSS:\t1 kB\\nVmRSS:\t2 kB\nState:\tS (sleeping)\nPPid:\t1\nUid:\t1\t107\t1\t1\n"
                "VmSize:\t  9000 kB\nVmRSS:\t    6640 kB\nRssAnon:\t 112 kB\nThreads:\t4\n";
        struct pool pool = {0};
        struct status s;

        cr_assert_eq(status_parse(text, strlen(text), &pool, &s), 0);
        cr_expect_eq(s.vm_rss, 6640 * 1024, "a name cannot forge a line: the kernel escapes its newline");
        cr_expect_eq(s.uid, 107, "the effective one");
        cr_expect_str_eq(s.state, "S (sleeping)");
        cr_expect_eq(s.threads, 4);
        cr_expect_eq(s.rss_shmem, REPORT_UNKNOWN);
        pool_free(&pool);
}

Test(status, a_zombie_has_no_memory_lines)
{
        static const char text[] = "Name:\tdefunct\nState:\tZ (zombie)\nPPid:\t1\nThreads:\t1\n";
        struct pool pool = {0};
        struct status s;

        cr_assert_eq(status_parse(text, strlen(text), &pool, &s), 0);
        cr_expect_eq(s.vm_rss, REPORT_UNKNOWN, "unknown, not 0");
        cr_expect_eq(s.uid, REPORT_UNKNOWN);
        pool_free(&pool);
}

Test(limits, stand_behind_their_names)
{
        static const char text[] =
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                "Max cpu time              unlimited            unlimited            seconds   \n"
                "Max data size             unlimited            unlimited            bytes     \n"
                "Max address space         8589934592           unlimited            bytes     \n";
        struct limits l;

        limits_parse(text, strlen(text), &l);
        cr_expect_eq(l.address_space, UINT64_C(8589934592));
        cr_expect_eq(l.data, REPORT_UNKNOWN, "unlimited");
}

Test(statm, is_in_pages)
{
        struct statm m;

        statm_bytes_parse("2545 1658 1024 5 0 370 0\n", 25, 65536, &m);
        cr_expect_eq(m.rss, 1658 * 65536, "aarch64 may have 64 KiB pages");
        statm_bytes_parse("2545 16", 7, REPORT_UNKNOWN, &m);
        cr_expect_eq(m.rss, REPORT_UNKNOWN, "without the page size it says nothing");
        statm_bytes_parse("x", 1, 4096, &m);
        cr_expect_eq(m.size, REPORT_UNKNOWN);
}

static struct memory_witnesses nobody(void)
{
        return (struct memory_witnesses){
                .smaps = smaps_total_unknown,
                .rollup = smaps_total_unknown,
                .status = status_unknown,
                .statm = {REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN},
        };
}

Test(memory, the_best_witness_is_believed)
{
        struct memory_witnesses w = nobody();
        struct report r = {0};

        memory_account(&r, &w);
        cr_expect_eq(r.memory.rss, REPORT_UNKNOWN);
        cr_expect_null(r.memory.source);

        w.statm = (struct statm){.size = 90, .rss = 50, .shared = 20};
        memory_account(&r, &w);
        cr_expect_str_eq(r.memory.source, "statm");
        cr_expect_eq(r.memory.anon, 30);

        w.status.vm_rss = 60;
        w.status.rss_shmem = 15;
        memory_account(&r, &w);
        cr_expect_str_eq(r.memory.source, "status");
        cr_expect_eq(r.memory.rss, 60);
        cr_expect_eq(r.memory.pss, REPORT_UNKNOWN, "status knows none");

        w.rollup.rss = 70;
        w.rollup.private_clean = 1;
        w.rollup.private_dirty = 2;
        memory_account(&r, &w);
        cr_expect_str_eq(r.memory.source, "smaps_rollup");
        cr_expect_eq(r.memory.uss, 3);

        w.smaps.rss = 80;
        memory_account(&r, &w);
        cr_expect_str_eq(r.memory.source, "smaps_rollup", "an incomplete smaps is no sum");

        w.smaps_complete = true;
        w.smaps.anonymous = 50;
        memory_account(&r, &w);
        cr_expect_str_eq(r.memory.source, "smaps");
        cr_expect_eq(r.memory.shmem, 15);
        cr_expect_eq(r.memory.file, 15);
        cr_expect_eq(r.memory.anon + r.memory.file + r.memory.shmem, r.memory.rss);

        w.status.rss_shmem = 1000;
        memory_account(&r, &w);
        cr_expect_eq(r.memory.anon + r.memory.file + r.memory.shmem, r.memory.rss,
                     "status is of another instant");
}

Test(memory, the_tightest_limit_counts)
{
        struct report r = {.memory = {.mem_total = 1000, .mem_available = 400},
                           .cgroup = {.limit = REPORT_UNKNOWN}};

        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_str_eq(r.memory.limit_source, "MemTotal");
        cr_expect_eq(r.memory.limit_used, 600);

        r.cgroup.limit = 2000;
        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_eq(r.memory.limit, 1000, "a group cannot have more than the machine");

        r.cgroup.limit = 500;
        r.cgroup.limit_path = "/a";
        r.cgroup.limit_usage = 499;
        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_str_eq(r.memory.limit_source, "cgroup /a");
        cr_expect_eq(r.memory.limit_used, 499);

        r.memory.mem_total = REPORT_UNKNOWN;
        r.cgroup.limit = REPORT_UNKNOWN;
        cr_assert_eq(memory_limit(&r), 0);
        cr_expect_null(r.memory.limit_source);
        pool_free(&r.pool);
}
