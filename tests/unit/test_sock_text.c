/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "capture/collectors/sock_text.h"

/* Lines of Linux 6.18.  The kernel's own end with what sock_diag does not know. */
Test(sock_text, a_tcp_line_is_the_kernels_up_to_the_inode)
{
        static const char kernel[] =
                "   2: 0100007F:828E 0100007F:C787 01 0000000A:00000014 02:00000A3C 00000003   "
                "107        0 21304 2 00000000b7731b17 20 0 0 10 -1\n";
        struct sock_entry s = {.inode = 21304,
                               .family = AF_INET,
                               .type = SOCK_STREAM,
                               .state = 1,
                               .timer = 2,
                               .retrans = 3,
                               .local_port = 0x828e,
                               .remote_port = 0xc787,
                               .expires_ms = 0xa3c * 10,
                               .rx_queue = 0x14,
                               .tx_queue = 0xa,
                               .uid = 107};
        char line[SOCK_LINE_MAX];
        size_t n = strcspn(strstr(kernel, "21304"), " ") + (size_t)(strstr(kernel, "21304") - kernel);

        s.local[0] = s.remote[0] = htonl(0x7f000001);
        cr_assert_gt(sock_line_tcp(&s, 2, line), n);
        cr_expect_arr_eq(line, kernel, n);
        cr_expect_eq(sock_line_inode(line, strlen(kernel), false), 21304);
        cr_expect_eq(sock_line_inode(kernel, strlen(kernel), false), 21304);
}

Test(sock_text, a_listeners_limit_is_no_queue)
{
        struct sock_entry s = {
                .family = AF_INET, .type = SOCK_STREAM, .state = 10, .rx_queue = 1, .tx_queue = 128};
        char line[SOCK_LINE_MAX];

        line[sock_line_tcp(&s, 0, line)] = '\0';
        cr_expect(strstr(line, " 0A 00000000:00000001 "), "%s", line);
}

Test(sock_text, ipv6_addresses_are_four_host_words)
{
        struct sock_entry s = {
                .inode = 7, .family = AF_INET6, .type = SOCK_STREAM, .state = 10, .local_port = 22};
        char line[SOCK_LINE_MAX];

        inet_pton(AF_INET6, "::1", s.local);
        line[sock_line_tcp(&s, 0, line)] = '\0';
        if (htonl(1) != 1)
                cr_expect(strstr(line, "   0: 00000000000000000000000001000000:0016 "
                                       "00000000000000000000000000000000:0000 0A "),
                          "%s", line);
}

Test(sock_text, a_udp_line_ends_with_the_drops)
{
        struct sock_entry s = {
                .inode = 99, .family = AF_INET, .type = SOCK_DGRAM, .state = 7, .has_meminfo = true};
        char line[SOCK_LINE_MAX];

        s.meminfo[8] = 12;
        line[sock_line_udp(&s, 3, line)] = '\0';
        cr_expect_str_eq(
                line, "    3: 00000000:0000 00000000:0000 07 00000000:00000000 00:00000000 00000000     0  "
                      "      0 99 1 0000000000000000 12\n");
        cr_expect_eq(sock_line_inode(line, strlen(line), false), 99);
}

Test(sock_text, unix_names_stay_on_their_line)
{
        static const struct {
                const char *name;
                size_t len;
                const char *line;
        } cases[] = {
                {"", 0, "0000000000000000: 00000000 00000000 00010000 0001 01    42\n"},
                {"/run/a b.sock", 13,
                 "0000000000000000: 00000000 00000000 00010000 0001 01    42 /run/a b.sock\n"},
                {"\0abstract\0x", 11,
                 "0000000000000000: 00000000 00000000 00010000 0001 01    42 @abstract@x\n"},
                {"/a\nb", 4, "0000000000000000: 00000000 00000000 00010000 0001 01    42 /a?b\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct sock_entry s = {.inode = 42,
                                       .family = AF_UNIX,
                                       .type = SOCK_STREAM,
                                       .state = 10,
                                       .name = cases[i].name,
                                       .name_len = cases[i].len};
                char line[SOCK_LINE_MAX];

                line[sock_line_unix(&s, 0, line)] = '\0';
                cr_expect_str_eq(line, cases[i].line);
                cr_expect_eq(sock_line_inode(line, strlen(line), true), 42);
        }
}

Test(sock_text, a_line_without_an_inode_has_none)
{
        static const char *const lines[] = {"", "\n",
                                            "Num       RefCount Protocol Flags    Type St Inode Path\n",
                                            "   0: 1 2 3", "a b c d e f g h i 99999999999999999999 k"};

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                cr_expect_eq(sock_line_inode(lines[i], strlen(lines[i]), false), 0, "'%s'", lines[i]);
                cr_expect_eq(sock_line_inode(lines[i], strlen(lines[i]), true), 0, "'%s'", lines[i]);
        }
}
