/* SPDX-License-Identifier: MIT */
/* late - a program that loads the agent into itself while it runs, as `swansong inject` does to others.
 *
 *   late AGENT OPTIONS hold     blocks from two places, before and after; says "ready", waits on stdin, detaches, waits again
 *   late AGENT OPTIONS quiet    only dlopen()
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int (*inject)(const char *);
static int (*detach)(void);
void *volatile kept[4096];
static int n_kept;

static void load(const char *path)
{
        void *agent = dlopen(path, RTLD_NOW);

        if (!agent) {
                fprintf(stderr, "%s\n", dlerror());
                exit(1);
        }
        inject = (int (*)(const char *))dlsym(agent, "swansong_inject");
        detach = (int (*)(void))dlsym(agent, "swansong_detach");
}

__attribute__((noinline)) void before(void)
{
        for (int i = 0; i < 100; i++)
                kept[n_kept++] = malloc(10000);
}

__attribute__((noinline)) void after(void)
{
        for (int i = 0; i < 100; i++)
                kept[n_kept++] = malloc(10000);
}

/* Called for the first time when the hooks are on: its table entry is not bound before (-z lazy). */
__attribute__((noinline)) void first_call(void)
{
        for (int i = 0; i < 100; i++)
                kept[n_kept++] = calloc(1, 10000);
}

static void say(const char *word)
{
        puts(word);
        fflush(stdout);
        if (getchar() == EOF)
                exit(0);
}

int main(int argc, char **argv)
{
        const char *mode = argc > 3 ? argv[3] : "";

        setvbuf(stdout, malloc(4096), _IOFBF, 4096);
        before();
        load(argv[1]);
        if (strcmp(mode, "quiet") == 0) {
                after();
                say("ready");
                return 0;
        }
        int err = inject(argv[2]);
        if (err) {
                printf("refused: %s\n", strerror(-err));
                return 0;
        }
        for (int i = 0; i < 50; i++)
                free(kept[i]);
        after();
        first_call();
        say("ready");
        printf("%d %d\n", detach(), detach());
        after();
        say("detached");
        printf("%d\n", inject(argv[2]));
        after();
        say("again");
        return 0;
}
