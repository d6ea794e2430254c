/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "bundle/reader.h"

/* A directory of our own, removed at the end of the test. */
struct scratch {
        char path[64];
        int fd;
};

static struct scratch scratch_make(void)
{
        struct scratch s;

        strcpy(s.path, "/tmp/swansong-test-XXXXXX");
        cr_assert_not_null(mkdtemp(s.path));
        s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(s.fd, 0);
        return s;
}

static void scratch_done(struct scratch *s)
{
        close(s->fd);
        dir_remove_tree(AT_FDCWD, s->path);
}

#define _cleanup_scratch_ _cleanup_(scratch_done)

static void put(const struct scratch *s, const char *path, const char *text)
{
        _cleanup_fd_ int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        cr_assert_geq(fd, 0, "%s", path);
        cr_assert_eq(file_write_all(fd, text, strlen(text)), 0);
}

Test(reader, reads_a_section)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        _cleanup_buf_ struct buf b = BUF_GROWING(100);

        mkdirat(s.fd, "proc", 0700);
        mkdirat(s.fd, "proc/7", 0700);
        put(&s, "proc/7/maps", "text");
        cr_assert_eq(section_read(s.fd, "proc/7/maps", &b), 0);
        cr_expect_str_eq(b.data, "text");
        cr_expect_not(b.cut);
}

Test(reader, an_empty_section_is_an_empty_string)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        _cleanup_buf_ struct buf b = BUF_GROWING(100);

        put(&s, "core", "");
        cr_assert_eq(section_read(s.fd, "core", &b), 0);
        cr_expect_str_eq(b.data, "");
}

Test(reader, a_section_longer_than_the_bound_is_cut)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        _cleanup_buf_ struct buf b = BUF_GROWING(5);

        put(&s, "core", "123456789");
        cr_assert_eq(section_read(s.fd, "core", &b), 0);
        cr_expect_eq(b.len, 5);
        cr_expect(b.cut);
}

Test(reader, opens_nothing_but_regular_files_below_the_bundle)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        static const struct {
                const char *path;
                int error;
                const char *why;
        } cases[] = {
                {"none", -ENOENT, "not there"},
                {"dir", -EINVAL, "a directory is no section"},
                {"link", -ELOOP, "a link to a file that is there"},
                {"away", -ELOOP, "a link out of the bundle"},
                {"linked/file", -ELOOP, "a link on the way"},
                {"fifo", -EINVAL, "opening it would wait for a writer"},
                {"file/x", -ENOTDIR, "a file is no directory"},
                {"/etc/passwd", -EINVAL, "absolute"},
                {"dir/../file", -EINVAL, "parent"},
                {"./file", -EINVAL, "one name for one file"},
                {"dir//file", -EINVAL, "an empty component"},
                {"dir/", -EINVAL, "no file"},
                {"", -EINVAL, "no name"},
        };
        char longest[NAME_MAX + 2];

        mkdirat(s.fd, "dir", 0700);
        put(&s, "file", "x");
        put(&s, "dir/file", "x");
        cr_assert_eq(symlinkat("file", s.fd, "link"), 0);
        cr_assert_eq(symlinkat("/etc/passwd", s.fd, "away"), 0);
        cr_assert_eq(symlinkat("dir", s.fd, "linked"), 0);
        cr_assert_eq(mkfifoat(s.fd, "fifo", 0600), 0);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect_eq(section_open(s.fd, cases[i].path, NULL), cases[i].error, "%s: %s", cases[i].path,
                             cases[i].why);
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        cr_expect_eq(section_open(s.fd, longest, NULL), -ENAMETOOLONG);
        cr_expect_eq(section_open_dir(s.fd, "linked"), -ELOOP);
        cr_expect_eq(section_open_dir(s.fd, "file"), -ENOTDIR);
}

Test(reader, tells_a_sections_size)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        _cleanup_fd_ int fd = -1;
        uint64_t size;

        put(&s, "core", "12345");
        fd = section_open(s.fd, "core", &size);
        cr_assert_geq(fd, 0);
        cr_expect_eq(size, 5);
}

Test(reader, lists_numbers_only_and_in_order)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        static const char *const names[] = {"10", "9",          "self", "007",       "0",
                                            "-1", "4294967297", "12x",  "2147483647"};
        static const int32_t expected[] = {9, 10, 2147483647};
        _cleanup_free_ int32_t *ids = NULL;
        size_t n;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                mkdirat(s.fd, names[i], 0700);
        cr_assert_eq(section_list_ids(s.fd, SIZE_MAX, &ids, &n), 0);
        cr_assert_eq(n, ARRAY_SIZE(expected));
        cr_expect_arr_eq(ids, expected, sizeof(expected));
}

Test(reader, finds_the_process_without_a_manifest)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        int32_t pid;

        cr_expect_eq(bundle_find_pid(s.fd, &pid), -ENOENT, "no proc at all");
        mkdirat(s.fd, "proc", 0700);
        mkdirat(s.fd, "proc/1", 0700);
        mkdirat(s.fd, "proc/30", 0700);
        put(&s, "proc/1/status", "");
        put(&s, "proc/30/status", "");
        cr_expect_eq(bundle_find_pid(s.fd, &pid), -ENOENT, "relatives only");
        put(&s, "proc/30/maps", "");
        cr_assert_eq(bundle_find_pid(s.fd, &pid), 0);
        cr_expect_eq(pid, 30);
}

Test(reader, says_what_is_no_bundle)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        struct diag d;
        char path[96];
        int fd;

        cr_expect_eq(bundle_open(s.path, &d), -EINVAL);
        cr_expect(strstr(d.text, "not a bundle"), "%s", d.text);
        put(&s, "file", "");
        snprintf(path, sizeof(path), "%s/file", s.path);
        cr_expect_eq(bundle_open(path, &d), -ENOTDIR);
        snprintf(path, sizeof(path), "%s/none", s.path);
        cr_expect_eq(bundle_open(path, &d), -ENOENT);
        put(&s, "core", "");
        fd = bundle_open(s.path, &d);
        cr_expect_geq(fd, 0, "a core alone can be read");
        close(fd);
}

/* All that is left where the disk was full. */
Test(reader, a_recorder_alone_is_a_bundle)
{
        _cleanup_scratch_ struct scratch s = scratch_make();
        struct diag d;
        int fd;

        put(&s, "recorder", "text");
        fd = bundle_open(s.path, &d);
        cr_expect_geq(fd, 0, "%s", d.text);
        close(fd);
}
