/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/trusted_dir.h"

static char root[] = "/tmp/swansong-test-file.XXXXXX";

static void make_root(void)
{
        cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
        dir_remove_tree(AT_FDCWD, root);
}

TestSuite(file, .init = make_root, .fini = remove_root);

static char *below(const char *name)
{
        static char path[256];

        snprintf(path, sizeof(path), "%s/%s", root, name);
        return path;
}

Test(file, reading_stops_at_the_bound_and_says_so)
{
        _cleanup_buf_ struct buf b = BUF_GROWING(4);
        _cleanup_fd_ int fd = open(below("five"), O_CREAT | O_RDWR, 0600);

        cr_assert_eq(file_write_all(fd, "12345", 5), 0);
        cr_assert_eq(file_read_at(AT_FDCWD, below("five"), &b), 0);
        cr_expect_str_eq(b.data, "1234");
        cr_expect(b.cut);
        cr_expect_eq(file_read_at(AT_FDCWD, below("none"), &b), -ENOENT);
}

Test(file, an_output_directory_is_not_reached_through_somebody_elses_link)
{
        struct diag d;
        int fd;

        if (geteuid() != 0)
                cr_skip("only root can make a link for someone else");
        mkdir(below("real"), 0700);
        cr_assert_eq(symlink("real", below("ours")), 0);
        cr_assert_eq(symlink("real", below("theirs")), 0);
        cr_assert_eq(lchown(below("theirs"), 65534, 65534), 0);

        fd = dir_open_trusted(below("ours"), &d);
        cr_expect_geq(fd, 0, "%s", d.text);
        close(fd);
        cr_expect_eq(dir_open_trusted(below("theirs"), &d), -ELOOP);
        cr_expect(strstr(d.text, "uid 65534"), "%s", d.text);
        mkdir(below("real/deeper"), 0700);
        cr_expect_eq(dir_open_trusted(below("theirs/deeper"), &d), -ELOOP, "nor on the way");
        cr_assert_eq(symlink("theirs/deeper", below("through")), 0);
        cr_expect_eq(dir_open_trusted(below("through"), &d), -ELOOP, "nor on the way that ours leads");
}

static ino_t inode_of(int fd)
{
        struct stat st;

        cr_assert_eq(fstat(fd, &st), 0);
        return st.st_ino;
}

Test(file, links_of_ours_lead_where_they_say)
{
        struct diag d;
        char path[256];
        int real, fd;

        mkdir(below("real"), 0700);
        mkdir(below("real/deeper"), 0700);
        snprintf(path, sizeof(path), "%s", below("real"));
        cr_assert_eq(symlink(path, below("absolute")), 0);
        cr_assert_eq(symlink("absolute/deeper/../", below("chain")), 0);
        cr_assert_eq(symlink("circle", below("circle")), 0);
        real = open(below("real"), O_RDONLY);
        fd = dir_open_trusted(below("chain/."), &d);
        cr_assert_geq(fd, 0, "%s", d.text);
        cr_expect_eq(inode_of(fd), inode_of(real));
        close(fd);
        close(real);
        cr_expect_eq(dir_open_trusted(below("circle"), &d), -ELOOP);
}

Test(file, a_directory_that_cannot_be_used_is_named_with_the_reason)
{
        struct diag d;

        close(open(below("file"), O_CREAT | O_WRONLY, 0600));
        cr_expect_eq(dir_open_trusted(below("missing"), &d), -ENOENT);
        cr_expect(strstr(d.text, "missing"), "%s", d.text);
        cr_expect_eq(dir_open_trusted(below("file"), &d), -ENOTDIR);
        cr_expect_eq(dir_open_trusted("", &d), -ENOENT);
}

Test(file, removing_a_tree_never_leaves_it)
{
        mkdir(below("tree"), 0700);
        mkdir(below("tree/sub"), 0700);
        mkdir(below("outside"), 0700);
        close(open(below("outside/keep"), O_CREAT | O_WRONLY, 0600));
        cr_assert_eq(symlink("../../outside", below("tree/sub/link")), 0);
        cr_assert_eq(dir_remove_tree(AT_FDCWD, below("tree")), 0);
        cr_expect_eq(access(below("tree"), F_OK), -1);
        cr_expect_eq(access(below("outside/keep"), F_OK), 0);
}
