/* SPDX-License-Identifier: MIT */
/* standin_agent - what `swansong inject` loads when the way in is tested, and not the agent.
 *
 * It does what constructors do, and clobbers what a called function may: errno, vector registers, much stack. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int active, left;
static char options[256];

static __attribute__((noinline)) void use_much(void)
{
        volatile char stack[24 << 10];
        volatile double x[16];
        char *block = malloc(100000);

        for (int i = 0; i < 16; i++)
                x[i] = i * 1.5 + (double)stack[0] * 0;
        memset((void *)stack, (int)x[3], sizeof(stack));
        snprintf(options, sizeof(options), "%s", getenv("PATH") ? "with a path" : "without");
        free(block);
        errno = 12345;
}

static __attribute__((constructor)) void construct(void)
{
        use_much();
}

int swansong_inject(const char *text);
int swansong_detach(void);
int swansong_continue(void);

int swansong_inject(const char *text)
{
        use_much();
        if (strcmp(text, "refuse") == 0)
                return -ENOSPC;
        if (strcmp(text, "hang") == 0)
                for (volatile int go = 1; go;)
                        ;
        if (active)
                return -EALREADY;
        active = 1;
        left = strcmp(text, "slowly") == 0 ? 3 : 0;
        return left ? -EINPROGRESS : 0;
}

/* Three more turns. */
int swansong_continue(void)
{
        use_much();
        return left && --left ? -EINPROGRESS : 0;
}

int swansong_detach(void)
{
        if (!active)
                return -EALREADY;
        active = 0;
        return 0;
}
