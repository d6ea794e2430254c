/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "injector/call/call_target.h"

#define LONG_NS (60 * NS_PER_S)

/* A child that waits for a byte and answers with it, plus errno: nobody may have changed either. */
struct child {
        pid_t pid;
        int to, from;
};

static void child_wait(const struct child *c, bool by_epoll)
{
        struct epoll_event e = {.events = EPOLLIN};
        int epoll = epoll_create1(0);
        unsigned char byte;
        int right;

        epoll_ctl(epoll, EPOLL_CTL_ADD, c->to, &e);
        errno = 77;
        right = !by_epoll || epoll_wait(epoll, &e, 1, -1) == 1;
        /* Not read(): a sanitizer's stands in front of it, and whoever is in a library that exports malloc() is left alone. */
        right &= syscall(SYS_read, c->to, &byte, 1) == 1 && errno == 77;
        byte = right ? byte : 0;
        _exit(write(c->from, &byte, 1) == 1 ? 0 : 1);
}

static struct child child_start(bool by_epoll)
{
        struct child c;
        int down[2], up[2];

        cr_assert(pipe(down) == 0 && pipe(up) == 0);
        c.pid = fork();
        if (c.pid == 0) {
                struct child own = {0, down[0], up[1]};

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(down[1]);
                child_wait(&own, by_epoll);
        }
        c.to = down[1];
        c.from = up[0];
        close(down[0]);
        close(up[1]);
        return c;
}

static void child_end(const struct child *c)
{
        unsigned char byte = 42;
        int status;

        cr_assert(write(c->to, &byte, 1) == 1);
        byte = 0;
        cr_assert(read(c->from, &byte, 1) == 1);
        cr_expect_eq(byte, 42, "it was disturbed");
        waitpid(c->pid, &status, 0);
        cr_expect_eq(status, 0);
}

struct calls {
        const struct call_target *target;
        uint64_t pid;
        char text[32];
        int slow;
};

static int make_calls(struct remote_thread *t, void *arg)
{
        struct calls *c = arg;
        struct call_argument string = {.memory = (char[]){"swansong"}, .bytes = sizeof("swansong")};
        struct call_argument copy = {.memory = c->text, .bytes = sizeof(c->text), .back = true};
        const struct code_map *code = &c->target->code;
        int r = remote_call(t, code_map_find(code, CODE_LIBC, "getpid"), NULL, 0, LONG_NS, &c->pid);

        if (r == 0)
                r = remote_call(t, code_map_find(code, CODE_LIBC, "swab"),
                                (struct call_argument[]){string, copy, {.number = 8}}, 3, LONG_NS, NULL);
        if (r == 0 && c->slow)
                c->slow = remote_call(t, code_map_find(code, CODE_LIBC, "sleep"),
                                      (struct call_argument[]){{.number = 1}}, 1, 10 * NS_PER_MS, NULL);
        return r;
}

static void call_it(bool by_epoll, int slow)
{
        struct child c = child_start(by_epoll);
        struct target target = TARGET_NONE;
        struct call_target call;
        struct calls calls = {.target = &call, .slow = slow};
        struct diag d = {""};

        cr_assert(target_open(c.pid, &target, &d) == 0);
        cr_assert(call_target_make(&target, &call, &d) == 0, "%s", d.text);
        cr_assert_eq(call_target_use(&call, LONG_NS, make_calls, &calls, NULL, &d), 0, "%s", d.text);
        cr_expect_eq((pid_t)calls.pid, c.pid);
        cr_expect(memcmp(calls.text, "wsnaosgn", 8) == 0, "%s", calls.text);
        if (slow)
                cr_expect_eq(calls.slow, -ETIMEDOUT);
        call_target_done(&call);
        target_close(&target);
        child_end(&c);
}

Test(remote_call, gives_results_and_the_thread_goes_on_as_if_nothing_had_been)
{
        call_it(false, 0);
}

Test(remote_call, hides_the_interrupt_from_epoll_wait)
{
        call_it(true, 0);
}

/* The thread comes back when the function does, and nobody is there any more. */
Test(remote_call, that_takes_too_long_is_left_alone_and_comes_back_by_itself)
{
        call_it(false, 1);
}

Test(remote_call, refuses_what_would_harm)
{
        static const struct {
                const char *status;
                int r;
        } cases[] = {
                {"Name:\tx\nState:\tS (sleeping)\nTracerPid:\t0\nSeccomp:\t0\n", 0},
                {"Name:\tx\nState:\tS (sleeping)\nTracerPid:\t12\nSeccomp:\t0\n", -EBUSY},
                {"Name:\tx\nState:\tT (stopped)\nTracerPid:\t0\nSeccomp:\t0\n", -EBUSY},
                {"Name:\tx\nState:\tS (sleeping)\nTracerPid:\t0\nSeccomp:\t2\n", -ENOTSUP},
                {"Name:\tx\nState:\tS (sleeping)\nSeccomp:\t0\nx86_Thread_features:\tshstk \n", -ENOTSUP},
                {"Name:\tx\nState:\tS (sleeping)\nSeccomp:\t0\nx86_Thread_features:\t\nshstk:\n", 0},
                {"", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag d = {""};

                cr_expect_eq(call_status_check(cases[i].status, 1, &d), cases[i].r, "%zu: %s", i, d.text);
        }
}

#if defined(__x86_64__)
Test(remote_call, finds_a_way_back_only_in_code_that_is_one)
{
        static const struct {
                const char *code;
                size_t n;
                bool found;
                unsigned at, words, reg;
                int offset;
        } cases[] = {
                {"\x90\x48\x89\x03\x5b\xc3", 6, true, 1, 1, 3, 0}, /* mov %rax,(%rbx); pop; ret */
                {"\x48\x89\x43\x10\x48\x83\xc4\x10\x5b\x5d\x41\x5c\xc3", 13, true, 0, 5, 3, 16},
                {"\x49\x89\x04\x24\x41\x5c\xc3\x90", 8, true, 0, 1, 12, 0}, /* r12 needs a SIB byte */
                {"\x49\x89\x45\xf8\x31\xc0\x41\x5d\xc3", 9, true, 0, 1, 13, -8},
                {"\x48\x89\x07\x5b\xc3\x90\x90", 7, false, 0, 0, 0, 0},     /* rdi is not preserved */
                {"\x48\x89\x05\x00\x00\x00\x00\xc3", 8, false, 0, 0, 0, 0}, /* relative to rip */
                {"\x48\x89\x0b\x5b\xc3\x90", 6, false, 0, 0, 0, 0},         /* rcx */
                {"\x48\x89\x03\xe8\x5b\xc3\x90", 7, false, 0, 0, 0, 0},     /* a call in between */
                {"\x48\x89\x03\x5b", 4, false, 0, 0, 0, 0},                 /* cut off */
        };
        static const uint8_t restorer[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

        /* mov %ebp,(%rbx); pop %rbx; pop %rbp; ret -- and all the pops */
        static const uint8_t put[] = {0x89, 0x2b, 0x5b, 0x5d, 0xc3, 0x5b, 0x5d, 0x41,
                                      0x5c, 0x41, 0x5d, 0x41, 0x5e, 0x41, 0x5f, 0xc3};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct call_way way = {0};
                const uint8_t *code = (const uint8_t *)cases[i].code;

                cr_expect_not(call_way_find(code, cases[i].n, 0x1000, &way), "there is no restorer");
                cr_expect_eq(way.keeper.address != 0, cases[i].found, "%zu", i);
                if (!cases[i].found)
                        continue;
                cr_expect_eq(way.keeper.address, 0x1000 + cases[i].at, "%zu", i);
                cr_expect_eq(way.keeper.words, cases[i].words, "%zu: %u", i, way.keeper.words);
                cr_expect_eq(way.keeper.base, cases[i].reg, "%zu", i);
                cr_expect_eq(way.keeper.offset, cases[i].offset, "%zu", i);
                cr_expect_not(call_way_find(restorer, sizeof(restorer), 0x2000, &way),
                              "errno cannot be put back");
                cr_expect_eq(way.restorer, 0x2000);
                cr_expect(call_way_find(put, sizeof(put), 0x3000, &way));
                cr_expect_eq(way.putter.address, 0x3000);
                cr_expect_eq(way.putter.base, 3);
                cr_expect_eq(way.putter.value, 5);
                cr_expect_eq(way.putter.words, 2);
                cr_expect_eq(way.popper, 0x3000 + 5);
        }
}
#endif
