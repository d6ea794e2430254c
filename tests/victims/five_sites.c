/* SPDX-License-Identifier: MIT */
/* five_sites - a service that leaks at five places, each its own share, beside much that it frees again.
 *
 *   five_sites [MIB [end|crash|wait]]
 * Leaks until it holds MIB (default: without end, until it is killed), then says "ready" and waits, or, with "end",
 * ends, with "crash", aborts, with "wait", ends at SIGUSR1.  Of what it holds 45, 25, 15, 9 and 6 % are those of leak_a() to leak_e().
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile sink;

/* A block nobody will free; written to, so that it is resident. */
static __attribute__((noinline)) void hold(void *block, size_t size)
{
        memset(block, 1, size);
        sink = block;
}

#define LEAK(name, size)                                                                                     \
        static __attribute__((noinline)) void name(void)                                                     \
        {                                                                                                    \
                void *block = malloc(size);                                                                  \
                                                                                                             \
                if (!block)                                                                                  \
                        abort();                                                                             \
                hold(block, size);                                                                           \
                __asm__ volatile("" ::: "memory");                                                           \
        }

LEAK(leak_a, 45 * 1024)
LEAK(leak_b, 25 * 1024)
LEAK(leak_c, 15 * 1024)
LEAK(leak_d, 9 * 1024)
LEAK(leak_e, 6 * 1024)

/* Allocated as much as is leaked, and freed. */
static __attribute__((noinline)) void churn(unsigned i)
{
        static void *kept[64];

        free(kept[i % 64]);
        kept[i % 64] = malloc(100 * 1024);
        if (!kept[i % 64])
                abort();
        sink = kept[i % 64];
}

int main(int argc, char **argv)
{
        size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) * 1024 / 100 : (size_t)-1;
        bool wait = argc > 2 && strcmp(argv[2], "wait") == 0;
        sigset_t end;
        int signo;

        sigemptyset(&end);
        sigaddset(&end, SIGUSR1);
        if (wait)
                sigprocmask(SIG_BLOCK, &end, NULL);
        for (size_t i = 0; i < rounds; i++) {
                leak_a();
                leak_b();
                leak_c();
                leak_d();
                leak_e();
                churn((unsigned)i);
        }
        puts("ready");
        fflush(stdout);
        if (argc > 2 && strcmp(argv[2], "end") == 0)
                return 0;
        if (argc > 2 && strcmp(argv[2], "crash") == 0)
                abort();
        if (wait)
                return sigwait(&end, &signo);
        for (;;)
                pause();
}
