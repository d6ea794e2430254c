/* SPDX-License-Identifier: MIT */
/* late_storm - inject into itself and detach, again and again, while everything that a hook could disturb goes on.
 *
 *   late_storm AGENT OPTIONS CYCLES [LIBRARY...]      each library has a function `void *plugin_block(size_t)`
 *
 * Threads allocate, grow, free and check their blocks; map and unmap; load and unload the libraries; fork children that
 * allocate, too (and load nothing: glibc cannot do that after a fork during a dlopen()).
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 64

static volatile int over;
static int n_libraries;
static char **libraries;

static void die(const char *what)
{
        fprintf(stderr, "%s\n", what);
        _exit(1);
}

struct block {
        unsigned char *at;
        size_t n;
        unsigned char mark;
};

static void check(const struct block *b)
{
        for (size_t i = 0; i < b->n; i += 97)
                if (b->at[i] != b->mark)
                        die("a block has changed");
}

static void turn(struct block *b, unsigned *seed)
{
        size_t n = 1 + rand_r(seed) % 3000;

        if (b->at)
                check(b);
        switch (rand_r(seed) % 4) {
        case 0:
                free(b->at);
                b->at = malloc(n);
                break;
        case 1:
                b->at = realloc(b->at, n);
                break;
        case 2:
                free(b->at);
                b->at = calloc(1, n);
                break;
        default:
                free(b->at);
                if (posix_memalign((void **)&b->at, 64, n) != 0)
                        b->at = NULL;
                break;
        }
        if (!b->at)
                die("no memory");
        b->n = n;
        b->mark = (unsigned char)n;
        memset(b->at, b->mark, n);
}

static void *allocate(void *arg)
{
        struct block blocks[BLOCKS] = {0};
        unsigned seed = (unsigned)(uintptr_t)arg;

        while (!over)
                turn(&blocks[rand_r(&seed) % BLOCKS], &seed);
        for (int i = 0; i < BLOCKS; i++)
                free(blocks[i].at);
        return NULL;
}

static void *map(void *arg)
{
        (void)arg;
        while (!over) {
                size_t n = 1 << 20;
                char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                if (p == MAP_FAILED || munmap(p, n / 2) != 0)
                        die("mmap");
                p[n / 2] = 1;
                p = mremap(p + n / 2, n / 2, n, MREMAP_MAYMOVE);
                if (p == MAP_FAILED || p[0] != 1 || munmap(p, n) != 0)
                        die("mremap");
                sched_yield();
        }
        return NULL;
}

static void *load_and_unload(void *arg)
{
        (void)arg;
        for (int i = 0; !over && n_libraries > 0; i++) {
                void *library = dlopen(libraries[i % n_libraries], i & 1 ? RTLD_NOW : RTLD_LAZY);
                void *(*block)(size_t) = library ? (void *(*)(size_t))dlsym(library, "plugin_block") : NULL;

                if (!block)
                        die(dlerror());
                free(block(5000));
                dlclose(library);
        }
        return NULL;
}

static void *fork_children(void *arg)
{
        (void)arg;
        while (!over) {
                pid_t child = fork();
                int status;

                if (child < 0)
                        continue;
                if (child == 0) {
                        unsigned seed = (unsigned)getpid();
                        struct block b = {0};

                        for (int i = 0; i < 500; i++)
                                turn(&b, &seed);
                        _exit(0);
                }
                if (waitpid(child, &status, 0) != child || status != 0)
                        die("a child has failed");
                usleep(2000);
        }
        return NULL;
}

int main(int argc, char **argv)
{
        static void *(*const work[])(void *) = {allocate, allocate,        allocate,
                                                map,      load_and_unload, fork_children};
        enum { N = sizeof(work) / sizeof(work[0]) };
        void *agent = argc > 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
        int (*inject)(const char *), (*detach)(void), (*go_on)(void);
        pthread_t threads[N];

        if (!agent)
                return 2;
        inject = (int (*)(const char *))dlsym(agent, "swansong_inject");
        detach = (int (*)(void))dlsym(agent, "swansong_detach");
        go_on = (int (*)(void))dlsym(agent, "swansong_continue");
        libraries = argv + 4;
        n_libraries = argc - 4;
        for (uintptr_t i = 0; i < N; i++)
                if (pthread_create(&threads[i], NULL, work[i], (void *)(i + 1)) != 0)
                        return 2;
        for (int i = 0; i < atoi(argv[3]); i++) {
                int r;

                while ((r = inject(argv[2])) == -EBUSY) /* the hooks of the last time are being taken off */
                        usleep(100);
                /* Half of the times it is not even finished. */
                while ((r == -EINPROGRESS || r == -EBUSY) && i % 2)
                        r = go_on();
                if (r != 0 && r != -EINPROGRESS)
                        die(strerror(-r));
                usleep(i % 8 * 500);
                for (r = detach(); r == -EINPROGRESS || r == -EBUSY;)
                        r = go_on();
                if (r != 0)
                        die("detach");
        }
        over = 1;
        for (int i = 0; i < N; i++)
                pthread_join(threads[i], NULL);
        puts("ok");
        return 0;
}
