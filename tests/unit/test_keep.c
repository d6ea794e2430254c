/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/keep.h"

Test(keep, knows_a_bundle_by_its_whole_name)
{
        static const struct {
                const char *name, *target, *comm;
                unsigned number;
        } cases[] = {
                {"redis-server.4711.20261121T050000Z.swansong", "redis-server.4711", "redis-server", 1},
                {"redis-server.4711.20261121T050000Z.12.swansong", "redis-server.4711", "redis-server", 12},
                {"python3.11.7.20261121T050000Z.swansong", "python3.11.7", "python3.11", 1},
                {"a.20261121T050000Z.5.20261121T050001Z.swansong", "a.20261121T050000Z.5",
                 "a.20261121T050000Z", 1},
                {"x.1.20261121T050000Z.swansong.partial", NULL, NULL, 0},
                {"x.1.20261121T050000.swansong", NULL, NULL, 0},
                {"x.1.20261121 050000Z.swansong", NULL, NULL, 0},
                {"x.1.20261121T050000Z.1.swansong", NULL, NULL, 0},
                {"x.1.20261121T050000Z.02.swansong", NULL, NULL, 0},
                {"x.01.20261121T050000Z.swansong", NULL, NULL, 0},
                {"x.y.20261121T050000Z.swansong", NULL, NULL, 0},
                {".1.20261121T050000Z.swansong", NULL, NULL, 0},
                {"1.20261121T050000Z.swansong", NULL, NULL, 0},
                {"20261121T050000Z.swansong", NULL, NULL, 0},
                {".swansong", NULL, NULL, 0},
                {"..", NULL, NULL, 0},
                {"", NULL, NULL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct bundle_label l;
                int r = bundle_label_parse(cases[i].name, &l);

                cr_assert_eq(r, cases[i].target ? 0 : -EINVAL, "'%s'", cases[i].name);
                if (r < 0)
                        continue;
                cr_expect_str_eq(l.target, cases[i].target);
                cr_expect_str_eq(l.comm, cases[i].comm);
                cr_expect_eq(l.number, cases[i].number);
        }
}

Test(keep, newer_is_the_later_second_then_the_larger_number)
{
        static const char *const ages[] = {
                "x.1.20251231T235959Z.swansong",   "x.1.20261121T050000Z.swansong",
                "x.1.20261121T050000Z.2.swansong", "x.1.20261121T050000Z.10.swansong",
                "x.1.20261121T050001Z.swansong",
        };
        struct bundle_label a, b;

        for (size_t i = 0; i + 1 < ARRAY_SIZE(ages); i++) {
                bundle_label_parse(ages[i], &a);
                bundle_label_parse(ages[i + 1], &b);
                cr_expect_lt(bundle_label_compare(&a, &b), 0, "%s", ages[i]);
                cr_expect_gt(bundle_label_compare(&b, &a), 0, "%s", ages[i]);
        }
}

static char dir_name[] = "/tmp/keep.XXXXXX";
static int dir;

static void make_bundle(const char *name, const char *exe)
{
        _cleanup_fd_ int bundle = -1, manifest = -1;

        cr_assert_eq(mkdirat(dir, name, 0700), 0);
        bundle = openat(dir, name, O_RDONLY | O_DIRECTORY);
        manifest = openat(bundle, "manifest.json", O_WRONLY | O_CREAT, 0600);
        dprintf(manifest, "{\"format\":1,\"target\":{\"comm\":\"x\",\"exe\":\"%s\",\"uid\":0}}", exe);
}

static bool there(const char *name)
{
        return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void set_up(void)
{
        cr_assert(mkdtemp(dir_name));
        dir = open(dir_name, O_RDONLY | O_DIRECTORY);
        make_bundle("x.1.20261121T050000Z.swansong", "/bin/x");
        make_bundle("x.1.20261121T050000Z.2.swansong", "/bin/x");
        make_bundle("x.1.20261121T050003Z.swansong", "/bin/x");
        make_bundle("x.1.20261121T050001Z.swansong.partial", "/bin/x");
        make_bundle("x.2.20261121T040000Z.swansong", "/bin/x");
        make_bundle("x.3.20261121T040000Z.swansong", "/opt/x");
        make_bundle("y.1.20261121T040000Z.swansong", "/bin/x");
        make_bundle("notes", "/bin/x");
        make_bundle("elsewhere", "/bin/x");
        cr_assert_eq(symlinkat("elsewhere", dir, "x.1.20250101T000000Z.swansong"), 0);
        cr_assert_eq(mknodat(dir, "x.1.20250101T000001Z.swansong", S_IFREG | 0600, 0), 0);
}

static void tear_down(void)
{
        cr_expect_eq(dir_remove_tree(AT_FDCWD, dir_name), 0);
        close(dir);
}

TestSuite(keep_newest, .init = set_up, .fini = tear_down);

Test(keep_newest, removes_only_older_bundles_of_the_same_process)
{
        struct diag d = {0};

        cr_assert_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &(struct keep){.most = 1}, &d), 2,
                     "%s", d.text);
        cr_expect(there("x.1.20261121T050003Z.swansong"));
        cr_expect(!there("x.1.20261121T050000Z.swansong"));
        cr_expect(!there("x.1.20261121T050000Z.2.swansong"));
        cr_expect(there("x.1.20261121T050001Z.swansong.partial"), "an interrupted capture");
        cr_expect(there("x.2.20261121T040000Z.swansong"), "another PID");
        cr_expect(there("y.1.20261121T040000Z.swansong"), "another name");
        cr_expect(there("notes") && there("elsewhere/manifest.json"), "no bundles");
        cr_expect(there("x.1.20250101T000000Z.swansong"), "a link");
        cr_expect(there("x.1.20250101T000001Z.swansong"), "a file");
}

Test(keep_newest, counts_the_newest_itself)
{
        struct diag d = {0};

        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &(struct keep){.most = 3}, &d), 0);
        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &(struct keep){.most = 2}, &d), 1);
        cr_expect(!there("x.1.20261121T050000Z.swansong"));
        cr_expect(there("x.1.20261121T050000Z.2.swansong"));
}

Test(keep_newest, of_a_whole_executable)
{
        struct diag d = {0};

        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong",
                                 &(struct keep){.most = 1, .exe = "/bin/x"}, &d),
                     3, "%s", d.text);
        cr_expect(!there("x.2.20261121T040000Z.swansong"), "the same executable");
        cr_expect(there("x.3.20261121T040000Z.swansong"), "another executable of that name");
        cr_expect(there("y.1.20261121T040000Z.swansong"), "another name");
}

Test(keep_newest, of_one_second_too)
{
        struct diag d = {0};

        cr_assert_eq(dir_remove_tree(dir, "x.1.20261121T050003Z.swansong"), 0);
        cr_expect_eq(keep_newest(dir, "x.1.20261121T050000Z.2.swansong", &(struct keep){.most = 1}, &d), 1);
        cr_expect(there("x.1.20261121T050000Z.2.swansong"));
        cr_expect(!there("x.1.20261121T050000Z.swansong"));
}

Test(keep_newest, waits_for_one_that_somebody_is_at_work_in)
{
        static const char *const first[] = {"x.1.20261121T050000Z.swansong", NULL},
                                 *const second[] = {"x.1.20261121T050000Z.2.swansong", NULL};
        struct keep keep = {.most = 1, .busy = first};
        struct diag d = {0};

        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &keep, &d), 0);
        keep.busy = second;
        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &keep, &d), 1);
        cr_expect(!there("x.1.20261121T050000Z.swansong"));
        cr_expect(there("x.1.20261121T050000Z.2.swansong"));
}

Test(keep_newest, refuses_a_name_that_is_no_bundle)
{
        struct diag d = {0};

        cr_expect_eq(keep_newest(dir, "notes", &(struct keep){.most = 1}, &d), -EINVAL);
}

Test(keep_newest, spares_the_first_of_a_ramp)
{
        struct diag d = {0};
        const struct keep keep = {.most = 2, .spare = "x.1.20261121T050000Z.swansong"};
        const struct keep one = {.most = 1, .spare = "x.1.20261121T050000Z.swansong"};

        cr_assert_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &keep, &d), 1, "%s", d.text);
        cr_expect(there("x.1.20261121T050000Z.swansong"));
        cr_expect(!there("x.1.20261121T050000Z.2.swansong"));
        cr_expect_eq(keep_newest(dir, "x.1.20261121T050003Z.swansong", &one, &d), 1);
        cr_expect(!there("x.1.20261121T050000Z.swansong"));
        cr_expect(there("x.1.20261121T050003Z.swansong"));
}
