/* SPDX-License-Identifier: MIT */
/* handler - waits inside a signal handler, on the thread's own stack and on an alternate one.
 *
 *   handler [alternate]
 *
 * Prints "ready"; stays until it is killed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int leave; /* never set: the calls must look as if they could return */

__attribute__((noinline)) static void wait_in_handler(void)
{
        puts("ready");
        fflush(stdout);
        while (!leave)
                pause();
}

static void on_signal(int number)
{
        (void)number;
        wait_in_handler();
        leave++;
}

__attribute__((noinline)) static int interrupted(int depth)
{
        if (depth > 0)
                return interrupted(depth - 1) + depth;
        raise(SIGUSR1);
        return leave;
}

int main(int argc, char **argv)
{
        struct sigaction action = {.sa_handler = on_signal};
        stack_t alternate = {.ss_size = 65536, .ss_sp = malloc(65536)};

        if (argc > 1 && strcmp(argv[1], "alternate") == 0) {
                if (!alternate.ss_sp || sigaltstack(&alternate, NULL) < 0)
                        return 1;
                action.sa_flags = SA_ONSTACK;
        }
        sigaction(SIGUSR1, &action, NULL);
        return interrupted(5);
}
