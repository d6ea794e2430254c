/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/stock.h"

#define KIB64 65536

static char dir_name[] = "/tmp/swansong-stock.XXXXXX";
static int dir;
static struct stock stock;

/* A bundle of some 64 KiB. */
static void make_bundle(const char *name, const char *exe)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(2 * KIB64);
        char path[300];
        int fd;

        cr_assert_eq(mkdirat(dir, name, 0700), 0);
        snprintf(path, sizeof(path), "%s/proc", name);
        cr_assert_eq(mkdirat(dir, path, 0700), 0);
        snprintf(path, sizeof(path), "%s/manifest.json", name);
        fd = openat(dir, path, O_WRONLY | O_CREAT, 0600);
        buf_printf(&text, "{\"target\":{\"exe\":\"%s\"}}", exe);
        cr_assert_eq(file_write_all(fd, text.data, text.len), 0);
        close(fd);
        snprintf(path, sizeof(path), "%s/proc/x", name);
        fd = openat(dir, path, O_WRONLY | O_CREAT, 0600);
        for (int i = 0; i < KIB64; i++)
                buf_char(&text, (char)('a' + i % 7));
        cr_assert_eq(file_write_all(fd, text.data, KIB64), 0);
        close(fd);
}

static bool there(const char *name)
{
        struct stat st;

        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void add(const char *name, bool first)
{
        make_bundle(name, "/bin/x");
        cr_assert_eq(stock_add(&stock, dir, name, first), 0);
}

static void set_up(void)
{
        cr_assert(mkdtemp(dir_name));
        dir = open(dir_name, O_RDONLY | O_DIRECTORY);
}

static void tear_down(void)
{
        stock_free(&stock);
        cr_expect_eq(dir_remove_tree(AT_FDCWD, dir_name), 0);
        close(dir);
}

TestSuite(stock, .init = set_up, .fini = tear_down);

#define A(time) "x.1.20261121T05000" #time "Z.swansong"
#define B(time) "x.2.20261121T05000" #time "Z.swansong"

Test(stock, the_oldest_of_the_middle_goes_first_and_the_newest_of_all_stays)
{
        static const char *const order[] = {A(1), A(2), A(4), A(0), A(3), A(5)};
        struct diag d = {0};

        add(A(0), true);
        add(A(1), false);
        add(A(2), false);
        add(A(3), true); /* a second ramp */
        add(A(4), false);
        add(A(5), false); /* its last word */
        add(B(6), true);
        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
                cr_assert(stock_next(&stock));
                cr_expect_str_eq(stock_next(&stock)->name, order[i]);
                cr_assert_eq(stock_trim(&stock, dir, stock.bytes - 1, &d), 1, "%s", d.text);
                cr_expect(!there(order[i]));
        }
        cr_expect_null(stock_next(&stock));
        cr_expect_eq(stock_trim(&stock, dir, 0, &d), 0);
        cr_expect(there(B(6)));
}

Test(stock, removes_no_more_than_it_must)
{
        struct diag d;

        for (int i = 0; i < 5; i++) {
                char name[64];

                snprintf(name, sizeof(name), "x.1.20261121T05000%dZ.swansong", i);
                add(name, i == 0);
        }
        cr_expect_geq(stock.bytes, 5 * KIB64);
        cr_expect_eq(stock_trim(&stock, dir, stock.bytes, &d), 0);
        cr_expect_eq(stock_trim(&stock, dir, stock.bytes / 5 * 3, &d), 2);
        cr_expect(there(A(0)) && !there(A(1)) && !there(A(2)) && there(A(3)) && there(A(4)));
}

Test(stock, adopts_what_an_earlier_watcher_left_of_the_same_executable)
{
        struct diag d;

        make_bundle(A(0), "/bin/x");
        make_bundle(B(1), "/bin/x");
        make_bundle("x.3.20261121T050002Z.swansong", "/bin/y");
        make_bundle("x.4.20261121T050002Z.swansong.partial", "/bin/x");
        make_bundle("notes", "/bin/x");
        cr_assert_eq(symlinkat("notes", dir, "x.5.20261121T050003Z.swansong"), 0);
        cr_assert_eq(stock_adopt(&stock, dir, "/bin/x"), 0);
        cr_assert_eq(stock_adopt(&stock, dir, "/bin/x"), 0);
        cr_expect_eq(stock.n, 2);
        cr_expect_eq(stock_trim(&stock, dir, 0, &d), 1);
        cr_expect(!there(A(0)) && there(B(1)));
        cr_expect(there("x.3.20261121T050002Z.swansong") && there("notes/manifest.json"));
        cr_expect(there("x.4.20261121T050002Z.swansong.partial"));
}

Test(stock, what_somebody_has_moved_away_needs_no_room)
{
        struct diag d = {0};

        add(A(0), false);
        add(A(1), false);
        add(A(2), false);
        cr_assert_eq(dir_remove_tree(dir, A(0)), 0);
        cr_assert_eq(symlinkat("/etc", dir, A(0)), 0);
        cr_expect_eq(stock_trim(&stock, dir, stock.bytes - 1, &d), 0, "%s", d.text);
        cr_expect(there(A(0)) && there(A(1)) && there(A(2)), "nothing had to go");
}

Test(stock, knows_the_newest_of_a_second)
{
        struct diag d;

        add("x.1.20261121T050000Z.2.swansong", false);
        add(A(0), false);
        add("x.1.20261121T050000Z.3.swansong", false);
        cr_expect_eq(stock_trim(&stock, dir, 0, &d), 2);
        cr_expect(there("x.1.20261121T050000Z.3.swansong"));
}

Test(stock, takes_no_name_that_is_no_bundle)
{
        make_bundle("notes", "/bin/x");
        cr_expect_eq(stock_add(&stock, dir, "notes", false), -EINVAL);
        cr_expect_eq(stock_add(&stock, dir, A(9), false), -ENOENT);
        cr_expect_eq(stock.n, 0);
}
