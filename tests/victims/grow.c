/* SPDX-License-Identifier: MIT */
/* grow - a victim that does what it is told on stdin, one command a line, and answers "ok" when it is done:
 *   grow MIB     touch MIB more of private memory        shared MIB   of shared memory (a memfd)
 *   shrink       give all private memory back            leader       the first thread ends, another goes on
 *   speed MIB    grow for ever in steps of 1 MiB, MIB in each second (0: as fast as possible); no answer
 *   exit N       end with status N                       (end of input: status 0)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB    (1024UL * 1024)
#define BLOCKS 4096

static void *blocks[BLOCKS];
static size_t sizes[BLOCKS];
static int n_blocks;

static void touch(size_t size, int flags)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED || n_blocks == BLOCKS)
                exit(99);
        memset(p, 1, size);
        blocks[n_blocks] = p;
        sizes[n_blocks++] = size;
}

static void shrink(void)
{
        while (n_blocks > 0) {
                n_blocks--;
                munmap(blocks[n_blocks], sizes[n_blocks]);
        }
}

static void leak(unsigned long mib_per_s)
{
        struct timespec pause = {0, mib_per_s ? (long)(1000000000UL / mib_per_s) : 0};

        for (;;) {
                char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                if (p == MAP_FAILED)
                        exit(98);
                memset(p, 1, MIB);
                if (mib_per_s)
                        nanosleep(&pause, NULL);
        }
}

static void *serve(void *unused)
{
        char line[64], word[16];
        unsigned long n;

        (void)unused;
        while (fgets(line, sizeof(line), stdin)) {
                n = 0;
                if (sscanf(line, "%15s %lu", word, &n) < 1)
                        continue;
                if (strcmp(word, "grow") == 0)
                        touch(n * MIB, MAP_PRIVATE);
                else if (strcmp(word, "shared") == 0)
                        touch(n * MIB, MAP_SHARED);
                else if (strcmp(word, "shrink") == 0)
                        shrink();
                else if (strcmp(word, "speed") == 0)
                        leak(n);
                else if (strcmp(word, "exit") == 0)
                        exit((int)n);
                else if (strcmp(word, "leader") == 0) {
                        pthread_t other;

                        pthread_create(&other, NULL, serve, NULL);
                        puts("ok");
                        fflush(stdout);
                        pthread_exit(NULL);
                }
                puts("ok");
                fflush(stdout);
        }
        exit(0);
}

int main(void)
{
        serve(NULL);
        return 0;
}
