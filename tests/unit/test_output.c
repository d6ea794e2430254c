/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "render/output.h"

static char dir[PATH_MAX];

static void make_dir(void)
{
        snprintf(dir, sizeof(dir), "%s/swansong-output.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
        char *slash = strrchr(dir, '/');
        _cleanup_fd_ int parent = -1;

        *slash = '\0';
        parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_expect_eq(dir_remove_tree(parent, slash + 1), 0);
}

static struct buf text_of(const char *s)
{
        struct buf b = BUF_GROWING(100);

        buf_str(&b, s);
        return b;
}

static const char *in_dir(const char *name)
{
        static char path[2 * PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

static void expect_content(const char *name, const char *content)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(1000);

        cr_expect_eq(file_read_at(AT_FDCWD, in_dir(name), &b), 0);
        cr_expect_str_eq(b.data, content);
}

static size_t n_entries(void)
{
        _cleanup_dir_ DIR *d = opendir(dir);
        size_t n = 0;

        while (readdir(d))
                n++;
        return n - 2;
}

TestSuite(output, .init = make_dir, .fini = remove_dir);

Test(output, a_file_is_replaced_as_a_whole)
{
        _cleanup_buf_ struct buf one = text_of("first, and longer"), two = text_of("second");
        struct diag d;

        cr_expect_eq(output_file(in_dir("r.txt"), &one, &d), 0);
        expect_content("r.txt", "first, and longer");
        cr_expect_eq(output_file(in_dir("r.txt"), &two, &d), 0);
        expect_content("r.txt", "second");
        cr_expect_eq(n_entries(), 1u, "a temporary file was left");
}

Test(output, a_link_is_replaced_not_followed)
{
        _cleanup_buf_ struct buf b = text_of("new");
        char target[sizeof(dir) + 16];
        struct stat st;
        struct diag d;

        snprintf(target, sizeof(target), "%s/elsewhere", dir);
        cr_assert_eq(symlink(target, in_dir("r.txt")), 0);
        cr_expect_eq(output_file(in_dir("r.txt"), &b, &d), 0);
        cr_expect_neq(access(target, F_OK), 0, "the link was followed");
        cr_expect_eq(lstat(in_dir("r.txt"), &st), 0);
        cr_expect(S_ISREG(st.st_mode));
}

Test(output, a_device_is_written_to_and_stays)
{
        _cleanup_buf_ struct buf b = text_of("gone");
        struct stat st;
        struct diag d;

        cr_expect_eq(output_file("/dev/null", &b, &d), 0);
        cr_expect_eq(stat("/dev/null", &st), 0);
        cr_expect(S_ISCHR(st.st_mode));
        cr_expect_eq(output_file("/dev/full", &b, &d), -ENOSPC);
}

Test(output, what_cannot_be_written_is_said_and_leaves_nothing)
{
        _cleanup_buf_ struct buf b = text_of("x");
        struct diag d;

        cr_expect_eq(output_file(in_dir("missing/r.txt"), &b, &d), -ENOENT);
        cr_expect_not_null(strstr(d.text, "missing"));
        cr_expect_eq(output_file(in_dir(""), &b, &d), -EINVAL);
        cr_expect_eq(mkdir(in_dir("sub"), 0700), 0);
        cr_expect_lt(output_file(in_dir("sub"), &b, &d), 0);
        cr_expect_eq(n_entries(), 1u);
}

Test(output, reports_in_a_bundle_are_for_its_owner_only)
{
        _cleanup_buf_ struct buf b = text_of("report");
        struct stat st;
        struct diag d;

        cr_expect_eq(output_into_bundle(dir, "report.txt", &b, &d), 0);
        expect_content("report.txt", "report");
        cr_expect_eq(stat(in_dir("report.txt"), &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600u);
}
