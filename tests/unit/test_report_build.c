/* SPDX-License-Identifier: MIT */
/* Recorded bundles in, reports out.  They are of one program on two kernels (cgroup v1 on 6.18, v2 on 6.1): three
 * threads beside the main one, a child, 40 MiB of anonymous memory, 1 MiB shared, sockets of every kind, and the name
 * "fix (t) ure". */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/report_build.h"
#include "base/cleanup.h"

#define BUNDLES "tests/fixtures/bundles/"

static struct report build(const char *path)
{
        static const struct report_options options = {0};
        struct report r;
        struct diag d = {0};

        cr_assert_eq(report_build(path, &options, &r, &d), 0, "%s", d.text);
        return r;
}

static uint64_t sum_of_where(const struct report *r)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < r->memory.n_where; i++)
                sum += r->memory.where[i].bytes;
        return sum;
}

static const char *reason_of(const struct report *r, const char *section)
{
        for (size_t i = 0; i < r->n_missing; i++)
                if (strcmp(r->missing[i].section, section) == 0)
                        return r->missing[i].reason;
        return NULL;
}

Test(report_build, a_bundle_of_cgroup_v1)
{
        struct report r = build(BUNDLES "cgroup_v1");

        cr_expect(r.complete);
        cr_expect_str_eq(r.process.comm, "fix (t) ure");
        cr_expect_eq(r.process.pid, 5);
        cr_expect_eq(r.process.ppid, 3);
        cr_expect_str_eq(r.process.exe, "/usr/bin/fixture");
        cr_expect_str_eq(r.process.cmdline, "./fixture");
        cr_expect_eq(r.process.n_threads, 4);
        cr_expect_str_eq(r.process.state, "S (sleeping)");
        cr_expect_gt(r.time_ns, r.process.start_time_ns);
        cr_expect_lt(r.time_ns - r.process.start_time_ns, UINT64_C(10000000000), "it was a second old");

        cr_expect_str_eq(r.memory.source, "smaps");
        cr_expect_eq(r.memory.rss, 43408 * 1024, "as smaps_rollup has it, too");
        cr_expect_eq(r.memory.anon + r.memory.file + r.memory.shmem, r.memory.rss);
        cr_expect_eq(r.memory.page_tables, 156 * 1024);
        cr_expect_eq(r.memory.oom_score, 667);
        cr_expect_eq(sum_of_where(&r), r.memory.rss);

        cr_expect_eq(r.cgroup.version, 1);
        cr_expect_str_eq(r.cgroup.path, "/shop.slice/fixture.scope");
        cr_expect_str_eq(r.cgroup.limit_path, "/shop.slice", "the group itself has none");
        cr_expect_eq(r.memory.limit, 48 << 20);
        cr_expect_str_eq(r.memory.limit_source, "cgroup /shop.slice");
        cr_expect_eq(r.cgroup.n_processes, 2);
        cr_expect_eq(r.cgroup.high, REPORT_UNKNOWN, "v1 has no such thing");

        cr_assert_eq(r.n_tree, 4);
        cr_expect_eq(r.tree[0].pid, 5);
        cr_expect_eq(r.tree[0].rss, r.memory.rss);
        cr_expect_eq(r.tree[1].relation, TREE_ANCESTOR);
        cr_expect_eq(r.tree[2].pid, 1);
        cr_expect_eq(r.tree[3].relation, TREE_DESCENDANT);
        cr_expect_str_eq(r.tree[3].comm, "a child");

        cr_assert_eq(r.n_sockets, 4);
        cr_expect_str_eq(r.sockets[0].proto, "tcp");
        cr_expect_str_eq(r.sockets[3].local, "@swansong fixture");
        for (size_t i = 0; i < 4; i++)
                cr_expect_geq(r.sockets[i].fd, 3);
        cr_expect_eq(r.n_fds, 7);
        cr_expect_gt(r.system.n_slabs, 0);
        cr_expect(strstr(r.system.verdict, "memory left"), "%s", r.system.verdict);
        cr_expect_str_eq(reason_of(&r, "proc/allocinfo"), "No such file or directory");
        cr_expect_str_eq(r.verdict.cause, "leak");
        cr_expect_str_eq(r.verdict.certainty, "possible", "no history: growth is not known");
        report_done(&r);
}

Test(report_build, a_bundle_of_cgroup_v2)
{
        struct report r = build(BUNDLES "cgroup_v2");

        cr_expect_eq(r.cgroup.version, 2);
        cr_expect_eq(r.memory.limit, 56 << 20, "the group above has less than the group itself");
        cr_expect_str_eq(r.cgroup.limit_path, "/shop.slice");
        cr_expect_eq(r.cgroup.high, 52 << 20);
        cr_expect_gt(r.cgroup.n_stat, 20);
        cr_expect_eq(sum_of_where(&r), r.memory.rss);
        cr_expect_eq(r.n_tree, 3);
        report_done(&r);
}

/* No manifest; smaps ends inside a number; status, stat, fd.txt, cgroup and the tables are damaged; the tree is a circle. */
Test(report_build, a_damaged_bundle_is_read_as_far_as_it_goes)
{
        struct report r = build(BUNDLES "damaged");

        cr_expect_not(r.complete);
        cr_expect_eq(r.process.pid, 5, "found without the manifest");
        cr_expect_str_eq(r.process.comm, "fix (t) ure");
        cr_expect_str_eq(r.memory.source, "statm");
        cr_expect_eq(r.memory.pss, REPORT_UNKNOWN);
        cr_expect_eq(sum_of_where(&r), r.memory.rss);
        cr_expect_eq(r.n_maps, 38, "completed from maps");
        cr_expect_eq(r.memory.mem_total, REPORT_UNKNOWN);
        cr_expect_null(r.memory.limit_source);
        cr_expect_eq(r.n_tree, 4);
        cr_expect(isnan(r.memory.growth_bytes_per_s));
        cr_expect_not_null(reason_of(&r, "manifest.json"));
        cr_expect_not_null(reason_of(&r, "proc/meminfo"));
        cr_expect(strstr(reason_of(&r, "proc/5/smaps"), "of 38 mappings"));
        report_done(&r);
}

Test(report_build, what_is_no_bundle_is_named)
{
        static const struct report_options options = {0};
        struct report r;
        struct diag d;

        cr_expect_eq(report_build("tests/fixtures/none", &options, &r, &d), -ENOENT);
        cr_expect(strstr(d.text, "tests/fixtures/none"));
        cr_expect_eq(report_build("tests/fixtures", &options, &r, &d), -EINVAL);
        cr_expect(strstr(d.text, "not a bundle"));
}
