/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sockets.h"
#include "base/cleanup.h"

static struct pool pool;

static struct socket_list parse(const char *proto, const char *text)
{
        struct socket_list l = {0};

        cr_assert_eq(sockets_parse(proto, text, strlen(text), &pool, &l), 0);
        return l;
}

Test(report_sockets, reads_tcp)
{
        struct socket_list l = parse("tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr "
                                            "tm->when retrnsmt   uid  timeout inode\n"
                                            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 "
                                            "00:00000000 00000000   107        0 41234 1 "
                                            "0000000000000000 100 0 0 10 0\n"
                                            " 100: 0F02000A:0016 0202000A:D431 01 00000024:000001FF "
                                            "01:00000014 00000000     0        0 21000 4\n");

        cr_assert_eq(l.n, 2, "the header is no socket");
        cr_expect_str_eq(l.list[0].local, "127.0.0.1");
        cr_expect_eq(l.list[0].local_port, 8080);
        cr_expect_str_eq(l.list[0].state, "LISTEN");
        cr_expect_eq(l.list[0].inode, 41234);
        cr_expect_str_eq(l.list[1].remote, "10.0.2.2");
        cr_expect_eq(l.list[1].tx_queue, 0x24);
        cr_expect_eq(l.list[1].rx_queue, 0x1ff);
        cr_expect_eq(l.list[1].memory, REPORT_UNKNOWN);
        cr_expect_eq(l.list[1].fd, -1);
        pool_free(&pool);
}

Test(report_sockets, reads_ipv6_and_udp)
{
        struct socket_list l =
                parse("tcp6", "  0: 00000000000000000000000001000000:0050 "
                              "0000000000000000FFFF00000100007F:9C40 01 00000000:00000000 00:00000000 "
                              "00000000  0  0 7 1\n");

        cr_assert_eq(l.n, 1);
        cr_expect_str_eq(l.list[0].local, "::1");
        cr_expect_str_eq(l.list[0].remote, "::ffff:127.0.0.1");
        l = parse(
                "udp",
                "  5: 00000000:0035 00000000:0000 07 00000000:00000100 00:00000000 00000000  0  0 8 2 0 0\n");
        cr_assert_eq(l.n, 1);
        cr_expect_null(l.list[0].state, "7 is CLOSE: an unconnected UDP socket has no state");
        cr_expect_eq(l.list[0].rx_queue, 256);
        pool_free(&pool);
}

Test(report_sockets, reads_unix)
{
        struct socket_list l =
                parse("unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"
                              "0000000000000000: 00000002 00000000 00010000 0001 01 41235 /run/a b.sock\n"
                              "00000000: 00000003 00000000 00000000 0001 03    77\n"
                              "00000000: 00000002 00000000 00000000 0002 01 78 @abstract\n"
                              "evil line of a path\n");

        cr_assert_eq(l.n, 3);
        cr_expect_str_eq(l.list[0].state, "LISTEN");
        cr_expect_str_eq(l.list[0].local, "/run/a b.sock", "paths hold blanks");
        cr_expect_str_eq(l.list[1].state, "CONNECTED");
        cr_expect_null(l.list[1].local);
        cr_expect_eq(l.list[1].local_port, REPORT_UNKNOWN);
        cr_expect_str_eq(l.list[2].local, "@abstract");
        pool_free(&pool);
}

Test(report_sockets, passes_over_what_is_no_socket)
{
        static const char *const lines[] = {
                "",
                "   0:",
                "   0: 0100007F:1F90",
                "   0: 0100007:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007F:1FFFF 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007F:1F90 00000000:0000 0A 00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 x",
                "   0: 00000000000000000000000001000000:0050 00000000:0050 01 0:0 0 0 0 0 1",
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                cr_expect_eq(parse("tcp", lines[i]).n, 0, "'%s'", lines[i]);
        pool_free(&pool);
}

Test(report_sockets, an_unknown_state_is_no_state)
{
        struct socket_list l = parse("tcp", "  0: 0100007F:1F90 00000000:0000 FF 0:0 00:0 0 0 0 1\n");

        cr_assert_eq(l.n, 1);
        cr_expect_null(l.list[0].state);
        pool_free(&pool);
}

Test(report_sockets, are_joined_by_inode)
{
        static const char memory[] = "inode\tproto\trmem\twmem\tfwd\twqueued\topt\tbacklog\tdrops\n"
                                     "2\ttcp\t1000\t10\t100\t5000\t1\t2\t0\n"
                                     "1\tudp\t7\t300\t0\t0\t0\t0\t99\n";
        static const char fds_text[] = "fd\tkind\tsize\tdev\tinode\ttarget\n"
                                       "9\tsocket\t-\t0:8\t2\tsocket:[2]\n"
                                       "4\tsocket\t-\t0:8\t2\tsocket:[2]\n"
                                       "5\tfile\t7\t8:1\t1\t/a\\x0ab\n"
                                       "6\tfilet\t7\t8:1\t1\t/c\n";
        struct socket_list l = parse("tcp", "  0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 2\n"
                                            "  1: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 1\n"
                                            "  2: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 3\n");
        struct fds fds;

        cr_assert_eq(sockets_join_memory(&l, memory, strlen(memory), false), 0);
        cr_expect_eq(l.list[0].memory, 1000 + 5000 + 100 + 1 + 2, "TCP's unsent data is in wqueued");
        cr_expect_eq(l.list[1].memory, 7 + 300, "UDP's in wmem; drops are packets");
        cr_expect_eq(l.list[2].memory, REPORT_UNKNOWN, "the table is not whole");
        cr_assert_eq(sockets_join_memory(&l, memory, strlen(memory), true), 0);
        cr_expect_eq(l.list[2].memory, 0, "who holds none has no line");

        cr_assert_eq(fds_parse(fds_text, strlen(fds_text), &pool, &fds), 0);
        cr_assert_eq(fds.n, 4);
        cr_expect_str_eq(fds.list[2].kind, "file");
        cr_expect_null(fds.list[3].kind, "no such kind");
        cr_expect_str_eq(fds.list[2].path, "/a\nb");
        cr_expect_eq(fds.list[2].size, 7);
        cr_expect_eq(fds.list[0].size, REPORT_UNKNOWN);
        sockets_join_fds(&l, &fds);
        cr_expect_eq(l.list[0].fd, 4, "the lowest");
        cr_expect_eq(l.list[1].fd, -1, "a file's inode is another number space");
        pool_free(&pool);
}
