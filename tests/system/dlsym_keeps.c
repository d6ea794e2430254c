/* SPDX-License-Identifier: MIT */
/* dlsym_keeps - a program whose dlsym() allocates while it looks calloc() up, as that of older C libraries does; the block is freed
 * in the child of a fork, and by the parent.  Linked with -rdynamic, so that libraries find this dlsym(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *volatile kept;

void *dlsym(void *restrict handle, const char *restrict name)
{
        static void *(*next)(void *, const char *);

        if (!next)
                next = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
        if (!kept && strcmp(name, "calloc") == 0)
                kept = malloc(100);
        if (handle == RTLD_NEXT) /* as seen from here that is the agent */
                handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        return next(handle, name);
}

int main(void)
{
        int status;

        if (!kept)
                return 1; /* the agent has not looked for it */
        if (fork() == 0) {
                free(kept);
                free(malloc(100));
                _exit(0);
        }
        if (wait(&status) < 0 || status != 0)
                return 2;
        free(kept);
        puts("ok");
        return 0;
}
