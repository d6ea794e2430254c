/* SPDX-License-Identifier: MIT */
/* Recorded bundles in, reports out.  They are of one program on two kernels (cgroup v1 on 6.18, v2 on 6.1): three
 * threads beside the main one, a child, 40 MiB of anonymous memory, 1 MiB shared, sockets of every kind, and the name
 * "fix (t) ure". */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/report_build.h"
#include "base/cleanup.h"
#include "base/file.h"

#define BUNDLES "tests/fixtures/bundles/"

static struct report build(const char *path)
{
        static const struct report_options options = {0};
        struct report r;
        struct diag d = {0};

        cr_assert_eq(report_build(path, &options, &r, &d), 0, "%s", d.text);
        return r;
}

static int log_that_nobody_may_ask_for(struct buf *ret)
{
        (void)ret;
        cr_expect(false, "this machine's log is asked for");
        return -EPERM;
}

Test(report_build, of_a_bundle_asks_for_no_log_of_this_machine)
{
        static const struct report_options options = {.kernel_log = log_that_nobody_may_ask_for};
        struct report r;
        struct diag d = {0};

        cr_assert_eq(report_build(BUNDLES "cgroup_v1", &options, &r, &d), 0, "%s", d.text);
        report_done(&r);
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

/* A bundle made by hand: files[] are pairs of path and text. */
static void write_bundle(char dir[], const char *const (*files)[2], size_t n)
{
        cr_assert_not_null(mkdtemp(dir));
        for (size_t i = 0; i < n; i++) {
                char path[256];
                _cleanup_fd_ int fd = -1;

                snprintf(path, sizeof(path), "%s/%s", dir, files[i][0]);
                for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash;
                     slash = strchr(slash + 1, '/')) {
                        *slash = '\0';
                        mkdir(path, 0700);
                        *slash = '/';
                }
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                cr_assert_geq(fd, 0, "%s", path);
                cr_assert_eq(file_write_all(fd, files[i][1], strlen(files[i][1])), 0);
        }
}

Test(report_build, says_why_a_section_is_missing)
{
        static const char *const files[][2] = {
                {"manifest.json",
                 "{\"format\": 1, \"complete\": true, \"target\": {\"pid\": 7}, \"sections\": ["
                 "{\"path\": \"core\", \"status\": \"missing\", \"errno\": 1, \"reason\": \"traced by gdb "
                 "(PID 9)\"},"
                 "{\"path\": \"proc/7/io\", \"status\": \"missing\", \"errno\": 13, \"optional\": true},"
                 "{\"path\": \"proc/7/smaps\", \"status\": \"cut\", \"errno\": 62, \"bytes\": 4096},"
                 "{\"path\": \"proc/*/smaps_rollup\", \"status\": \"cut\", \"bytes\": 4096, \"reason\": \"1 "
                 "of 8: "
                 "Permission denied\"},"
                 "{\"path\": \"proc/7/maps\", \"status\": \"target-died\"},"
                 "{\"path\": \"proc/7/statm\", \"status\": \"ok\", \"bytes\": 100},"
                 "{\"path\": \"proc/7/limits\", \"status\": \"ok\", \"bytes\": 100},"
                 "{\"path\": \"../../etc/passwd\", \"status\": \"ok\", \"bytes\": 1},"
                 "{\"path\": \"proc/7/new\", \"status\": \"later\"}]}"},
                {"proc/7/statm", "1 1 1"},
        };
        static const struct {
                const char *section, *reason;
        } expected[] = {
                {"core", "traced by gdb (PID 9)"},
                {"proc/7/io", "Permission denied"},
                {"proc/7/smaps", "cut after 4.00 KiB: Timer expired"},
                {"proc/*/smaps_rollup", "1 of 8: Permission denied"},
                {"proc/7/maps", "the process was gone before this was read"},
                {"proc/7/statm", "damaged: 5 B of 100 B are there"},
                {"proc/7/limits", "was captured, but is not in the bundle any more"},
                {"../../etc/passwd", "cannot be opened in this bundle: Invalid argument"},
                {"proc/7/new", "of unknown status 'later'"},
                {"proc/7/status", "was not taken (dump --only)"},
        };
        char dir[] = "/tmp/swansong-test-XXXXXX";
        struct report r;

        write_bundle(dir, files, ARRAY_SIZE(files));
        r = build(dir);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                const char *reason = reason_of(&r, expected[i].section);

                cr_assert_not_null(reason, "%s", expected[i].section);
                cr_expect_str_eq(reason, expected[i].reason, "%s", expected[i].section);
        }
        report_done(&r);
        dir_remove_tree(AT_FDCWD, dir);
}

Test(report_build, follows_no_link_out_of_the_bundle)
{
        static const char *const files[][2] = {{"proc/7/stat", "7 (x) S 1"}};
        char dir[] = "/tmp/swansong-test-XXXXXX", path[64];
        struct report r;

        write_bundle(dir, files, ARRAY_SIZE(files));
        snprintf(path, sizeof(path), "%s/proc/7/maps", dir);
        cr_assert_eq(symlink("/proc/self/maps", path), 0);
        snprintf(path, sizeof(path), "%s/proc/7/cmdline", dir);
        cr_assert_eq(symlink("/proc/self/cmdline", path), 0);
        snprintf(path, sizeof(path), "%s/proc/7/status", dir);
        cr_assert_eq(mkfifo(path, 0600), 0);
        snprintf(path, sizeof(path), "%s/manifest.json", dir);
        cr_assert_eq(mkdir(path, 0700), 0);
        r = build(dir);
        cr_expect_eq(r.n_maps, 0);
        cr_expect_null(r.process.cmdline);
        cr_expect(strstr(reason_of(&r, "proc/7/maps"), "symbolic link"));
        cr_expect_not_null(reason_of(&r, "proc/7/status"));
        cr_expect_not_null(reason_of(&r, "manifest.json"));
        report_done(&r);
        dir_remove_tree(AT_FDCWD, dir);
}

Test(report_build, a_group_above_the_watchers_namespace_and_a_hierarchy_that_cannot_be_seen)
{
        static const char *const files[][2] = {
                {"proc/7/maps", ""},
                {"proc/7/cgroup", "4:memory:/../pod/app\n"},
                {"proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 500000 kB\n"},
                {"sys/fs/cgroup/memory/@parent/pod/app/memory.limit_in_bytes", "9223372036854771712\n"},
                {"sys/fs/cgroup/memory/@parent/pod/app/memory.usage_in_bytes", "4096\n"},
                {"sys/fs/cgroup/memory/@parent/pod/app/memory.stat",
                 "rss 1\nhierarchical_memory_limit 1048576\n"},
                {"sys/fs/cgroup/memory/@parent/pod/memory.limit_in_bytes", "2097152\n"},
                {"sys/fs/cgroup/memory/@parent/pod/memory.usage_in_bytes", "8192\n"},
        };
        char dir[] = "/tmp/swansong-test-XXXXXX";
        struct report r;

        write_bundle(dir, files, ARRAY_SIZE(files));
        r = build(dir);
        cr_expect_eq(r.cgroup.usage, 4096);
        cr_expect_eq(r.memory.limit, 1048576, "tighter than any that can be seen");
        cr_expect(strstr(r.memory.limit_source, "above"), "%s", r.memory.limit_source);
        cr_expect_eq(r.memory.limit_used, REPORT_UNKNOWN, "what that group uses is not known");
        report_done(&r);
        dir_remove_tree(AT_FDCWD, dir);
}
