/* SPDX-License-Identifier: MIT */
/* agent_corners - what programs seldom do, and then an agent in them must do right.
 *
 *   agent_corners end HOW     ends by exit, _exit, quick_exit, exit_group; `daemon`: goes on without its parent, says its PID and waits
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void *volatile kept[1000];

static int end(const char *how)
{
        kept[0] = malloc(1000000);
        if (strcmp(how, "_exit") == 0)
                _exit(0);
        else if (strcmp(how, "quick_exit") == 0)
                quick_exit(0);
        else if (strcmp(how, "exit_group") == 0)
                syscall(SYS_exit_group, 0);
        else if (strcmp(how, "daemon") == 0) {
                if (daemon(0, 1) < 0)
                        return 1;
                kept[1] = malloc(1000000);
                printf("%d\n", (int)getpid());
                fflush(stdout);
                return getchar() == EOF ? 0 : 1;
        }
        exit(0);
}

int main(int argc, char **argv)
{
        if (argc > 2 && strcmp(argv[1], "end") == 0)
                return end(argv[2]);
        fprintf(stderr, "agent_corners: no such case\n");
        return 2;
}
