/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/target.h"

#define REST " 1 4711 4711 34816 4711 4194560 1 2 3 4 5 6 7 8 20 0 12 0 987654 1000 77 18446744073709551615 1"

Test(target, comm_may_hold_anything)
{
        static const char *const comms[] = {"plain", "a b", "a) S 1 (b", ")",
                                            "(",     "",    "new\nline", "\x1b[0m"};

        for (size_t i = 0; i < ARRAY_SIZE(comms); i++) {
                char text[256];
                struct stat_brief s;

                snprintf(text, sizeof(text), "4711 (%s) S%s\n", comms[i], REST);
                cr_assert_eq(stat_brief_parse(text, strlen(text), &s), 0, "'%s'", comms[i]);
                cr_expect_str_eq(s.comm, comms[i]);
                cr_expect_eq(s.state, 'S');
                cr_expect_eq(s.ppid, 1);
                cr_expect_eq(s.n_threads, 12);
                cr_expect_eq(s.start_ticks, 987654);
                cr_expect_eq(s.rss_pages, 77);
        }
}

Test(target, refuses_a_cut_stat_line)
{
        static const char text[] = "4711 (x) S" REST;
        struct stat_brief s;
        size_t needed = strlen(text) - strlen(" 18446744073709551615 1") - 1;

        for (size_t n = 0; n < needed; n++)
                cr_expect_eq(stat_brief_parse(text, n, &s), -EINVAL, "%zu bytes", n);
}

Test(target, a_dead_process_is_never_taken_for_a_living_one)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        struct diag d;
        pid_t child = fork();

        if (child == 0) {
                pause();
                _exit(0);
        }
        cr_assert_eq(target_open(child, &t, &d), 0, "%s", d.text);
        cr_expect_eq(target_check(&t), 0);
        cr_expect_eq(t.ppid, getpid());
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        cr_expect_eq(target_check(&t), -ESRCH);
        cr_expect_eq(target_open(child, &t, &d), -ESRCH);
        cr_expect(strstr(d.text, "no such process"), "%s", d.text);
}
