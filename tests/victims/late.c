/* SPDX-License-Identifier: MIT */
/* late - a program that loads the agent into itself while it runs, as `swansong inject` does to others.
 *
 *   late AGENT OPTIONS hold     blocks from some places, before and after; says "ready", waits on stdin, detaches, waits again
 *   late AGENT OPTIONS quiet    only dlopen()
 *   late AGENT OPTIONS plugin LIBRARY      later it loads a library, whose `plugin_block(size_t)` allocates at each line of input
 *   late AGENT OPTIONS exec     says "failed" after an exec() that fails, then becomes sleep(1)
 *   late AGENT OPTIONS fork     a child that is forked afterwards allocates, and waits
 */
#include <dlfcn.h>
#include <pthread.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int (*inject)(const char *);
static int (*detach)(void);
static int (*go_on)(void);
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
        go_on = (int (*)(void))dlsym(agent, "swansong_continue");
}

/* On a machine that has no time for us it is not done at once. */
static int finish(int r)
{
        while (r == -EINPROGRESS || r == -EBUSY)
                r = go_on();
        return r;
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

/* At a fixed address (-no-pie) this is the program's own PLT entry, else a word that the loader has filled. */
static void *(*volatile pointer)(size_t) = malloc;

__attribute__((noinline)) void by_pointer(void)
{
        for (int i = 0; i < 100; i++)
                kept[n_kept++] = pointer(10000);
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

static void hold(const char *options)
{
        int detached;

        by_pointer();
        first_call();
        say("ready");
        detached = finish(detach());
        printf("%d %d\n", detached, detach());
        after();
        say("detached");
        printf("%d\n", finish(inject(options)));
        after();
        say("again");
}

static void *idle(void *arg)
{
        return pause(), arg;
}

/* With a second thread the service thread does the work. */
static void plugin(const char *path)
{
        void *library = dlopen(path, RTLD_NOW);
        void *(*block)(size_t) = library ? (void *(*)(size_t))dlsym(library, "plugin_block") : NULL;

        for (int i = 0; block && i < 3000; i++) {
                kept[n_kept++] = block(10000);
                say("block");
        }
}

static void child(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                after();
                printf("%d\n", (int)getpid());
                say("child");
                _exit(0);
        }
        waitpid(pid, NULL, 0);
}

/* One that fails, one of a vfork()ed child, and one that does it. */
static void become(void)
{
        char *const none[] = {(char *)"none", NULL},
                    *const sleeper[] = {(char *)"sleep", (char *)"1000", NULL},
                    *const quiet[] = {(char *)"true", NULL};
        pid_t pid;

        after();
        execve("/nonexistent", none, environ);
        execvp("no-such-program", none);
        pid = vfork();
        if (pid == 0) {
                execvp("true", quiet);
                _exit(1);
        }
        waitpid(pid, NULL, 0);
        say("failed");
        execvp("sleep", sleeper);
}

int main(int argc, char **argv)
{
        const char *mode = argc > 3 ? argv[3] : "";
        pthread_t thread;

        if (argc < 4)
                return 2;

        setvbuf(stdout, malloc(4096), _IOFBF, 4096);
        before();
        load(argv[1]);
        if (strcmp(mode, "quiet") == 0) {
                after();
                say("ready");
                return 0;
        }
        if (strcmp(mode, "plugin") == 0 && pthread_create(&thread, NULL, idle, NULL) != 0)
                return 2;
        int err = finish(inject(argv[2]));
        if (err) {
                printf("refused: %s\n", strerror(-err));
                return 0;
        }
        for (int i = 0; i < 50; i++)
                free(kept[i]);
        after();
        if (strcmp(mode, "hold") == 0)
                hold(argv[2]);
        else if (strcmp(mode, "exec") == 0)
                become();
        else if (strcmp(mode, "fork") == 0)
                child();
        else if (strcmp(mode, "plugin") == 0 && argc > 4)
                plugin(argv[4]);
        return 0;
}
