/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/collectors/sock_diag.h"

struct seen {
        ino_t inode;
        unsigned n, others;
        bool found;
};

static bool end_at_once(void *ctx, const struct sock_entry *s)
{
        (void)ctx;
        (void)s;
        return false;
}

static bool look(void *ctx, const struct sock_entry *s)
{
        struct seen *seen = ctx;

        seen->n++;
        seen->others += s->family != AF_INET;
        seen->found = seen->found || s->inode == seen->inode;
        return true;
}

Test(sock_diag, a_table_that_was_left_early_does_not_go_on_in_the_next)
{
        int pairs[800], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct seen seen = {0};
        struct stat st;
        int r;

        cr_assert_geq(listener, 0);
        cr_assert_eq(listen(listener, 1), 0);
        cr_assert_eq(fstat(listener, &st), 0);
        seen.inode = st.st_ino;
        /* More of them than the kernel answers at once. */
        for (size_t i = 0; i < 400; i++)
                cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs + 2 * i), 0);
        r = sock_diag_dump(AF_UNIX, 0, end_at_once, NULL);
        if (r < 0)
                cr_skip("the kernel does not list sockets here");
        cr_expect_eq(r, 1);
        cr_expect_eq(sock_diag_dump(AF_INET, IPPROTO_TCP, look, &seen), 0);
        cr_expect(seen.found);
        cr_expect_eq(seen.others, 0);
        for (size_t i = 0; i < 800; i++)
                close(pairs[i]);
        close(listener);
}
