/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "capture/collectors/fds.h"

Test(fds, the_kind_of_what_has_no_path_is_in_its_name)
{
        static const struct {
                const char *link, *kind;
                uint64_t inode;
        } cases[] = {
                {"socket:[1589]", "socket", 1589},
                {"pipe:[77]", "pipe", 77},
                {"anon_inode:[eventpoll]", "epoll", 0},
                {"anon_inode:[eventfd]", "eventfd", 0},
                {"anon_inode:[timerfd]", "timerfd", 0},
                {"anon_inode:[signalfd]", "signalfd", 0},
                {"anon_inode:inotify", "inotify", 0},
                {"anon_inode:[io_uring]", "other", 0},
                {"net:[4026531840]", "other", 4026531840},
                {"socket:[", "socket", 0},
                {"socket:[12", "socket", 0},
                {"", "other", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *kind = fd_kind_by_link(cases[i].link, strlen(cases[i].link));

                cr_assert_not_null(kind, "%s", cases[i].link);
                cr_expect_str_eq(kind, cases[i].kind);
                cr_expect_eq(fd_link_inode(cases[i].link, strlen(cases[i].link)), cases[i].inode, "%s",
                             cases[i].link);
        }
        cr_expect_null(fd_kind_by_link("/tmp/socket:[1]", 15), "a path may be called anything");
        cr_expect_eq(fd_link_inode("/tmp/socket:[1]", 15), 0);
}

Test(fds, the_kind_of_a_path_is_what_the_file_is)
{
        static const struct {
                const char *link;
                mode_t mode;
                unsigned links;
                const char *kind, *why;
        } cases[] = {
                {"/a b", S_IFREG, 1, "file", ""},
                {"/a (deleted)", S_IFREG, 0, "deleted", ""},
                {"/a (deleted)", S_IFREG, 1, "file", "that is its name"},
                {"/memfd:x (deleted)", S_IFREG, 0, "memfd", ""},
                {"/memfd:x", S_IFREG, 1, "file", "somebody made that in the root directory"},
                {"/dev/null", S_IFCHR, 1, "char", ""},
                {"/dev/sda", S_IFBLK, 1, "block", ""},
                {"/run/fifo", S_IFIFO, 1, "pipe", ""},
                {"/tmp (deleted)", S_IFDIR, 0, "dir", ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct statx st = {.stx_mode = (__u16)cases[i].mode, .stx_nlink = cases[i].links};

                cr_expect_str_eq(fd_kind_by_stat(cases[i].link, strlen(cases[i].link), &st), cases[i].kind,
                                 "%s %s", cases[i].link, cases[i].why);
        }
}

Test(fds, a_socket_is_found_once_among_a_hundred_thousand)
{
        struct inode_set s = {0};

        for (uint32_t i = 1; i <= 100000; i++)
                cr_assert_eq(inode_set_add(&s, i * 7), 0);
        cr_assert_eq(inode_set_add(&s, 7), 0);
        cr_expect_eq(s.n, 100000);
        for (uint32_t i = 1; i <= 100000; i++) {
                cr_assert(inode_set_take(&s, i * 7), "%u", i);
                cr_assert_not(inode_set_take(&s, i * 7), "%u twice", i);
                cr_assert_not(inode_set_take(&s, i * 7 + 1), "%u was never there", i * 7 + 1);
        }
        cr_expect_eq(s.left, 0, "nothing more to look for");
        cr_expect_not(inode_set_take(&s, 0));
        inode_set_done(&s);
        cr_expect_not(inode_set_take(&s, 7), "an empty set");
}
