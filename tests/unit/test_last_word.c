/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/watch/last_word.h"

#define MIDDLE " 1 4711 4711 34816 4711 4194560 1 2 3 4 5 6 7 8 20 0 12 0 987654 0 0 18446744073709551615"
#define END    " 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0"

Test(last_word, the_exit_code_of_a_zombie_is_the_last_field)
{
        static const struct {
                const char *text;
                int r, status;
        } cases[] = {
                {"4711 (x) Z" MIDDLE END " 768\n", 0, 768},
                {"4711 (a) Z 9 (b) Z" MIDDLE END " 9\n", 0, 9},
                {"4711 (x) S" MIDDLE END " 0\n", -EAGAIN, 0},
                {"4711 (x) Z" MIDDLE END, -EINVAL, 0},
                {"4711 (x) Z", -EINVAL, 0},
                {"4711 (x)", -EINVAL, 0},
                {"", -EINVAL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int status = 0;

                cr_expect_eq(stat_exit_code_parse(cases[i].text, strlen(cases[i].text), &status), cases[i].r,
                             "%zu", i);
                cr_expect_eq(status, cases[i].status, "%zu", i);
        }
}

static void check(int kill_by, int exit_with, const char *sentence)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        char text[96];
        struct buf b = BUF_FIXED(text, sizeof(text));
        struct exit_events none = EXIT_EVENTS_NONE;
        struct diag d;
        siginfo_t info;
        int go[2];
        pid_t child;

        cr_assert_eq(pipe(go), 0);
        child = fork();
        if (child == 0) {
                char c;

                if (read(go[0], &c, 1) < 0)
                        _exit(99);
                if (kill_by) {
                        signal(kill_by, SIG_DFL); /* a sanitizer may hold it */
                        kill(getpid(), kill_by);
                }
                _exit(exit_with);
        }
        cr_assert_eq(target_open(child, &t, &d), 0, "%s", d.text);
        cr_assert_eq(write(go[1], "x", 1), 1);
        cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
        last_word(&t, &none, &b);
        cr_expect_str_eq(text, sentence, "a zombie: %s", text);
}

Test(last_word, of_processes)
{
        check(0, 0, "exited with status 0");
        check(0, 7, "exited with status 7");
        check(SIGKILL, 0, "was killed by signal 9 (SIGKILL)");
        check(SIGSEGV, 0, "was killed by signal 11 (SIGSEGV)");
        check(SIGRTMIN, 0, "was killed by signal 34");
}

Test(last_word, says_when_it_does_not_know)
{
        _cleanup_target_ struct target t = TARGET_NONE;
        struct exit_events none = EXIT_EVENTS_NONE;
        char text[96];
        struct buf b = BUF_FIXED(text, sizeof(text));

        last_word(&t, &none, &b);
        cr_expect_str_eq(text, "has ended; how could not be seen");
}

Test(exit_events, tell_how_watched_processes_ended_though_they_are_reaped)
{
        struct exit_events events;
        pid_t children[3];
        int status, r = exit_events_open(&events);

        if (r < 0)
                cr_skip("the kernel does not tell us: %s", strerror(-r));
        for (int i = 0; i < 3; i++) {
                children[i] = fork();
                if (children[i] == 0) {
                        pause();
                        _exit(0);
                }
        }
        cr_assert_eq(exit_events_watch(&events, children, 2), 0);
        for (int i = 0; i < 3; i++) {
                kill(children[i], SIGKILL);
                waitpid(children[i], NULL, 0);
        }
        cr_assert_eq(exit_events_find(&events, children[1], &status), 0);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        cr_assert_eq(exit_events_find(&events, children[0], &status), 0, "though it ended before");
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        cr_expect_eq(exit_events_find(&events, children[2], &status), -ENODATA, "not watched");
        exit_events_close(&events);
}
