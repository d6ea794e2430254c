/* SPDX-License-Identifier: MIT */
/* churn - threads that allocate and free all the time, with some hundred MiB held: churn [THREADS] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HELD 200000

static pthread_barrier_t filled;

static void *churn(void *arg)
{
        unsigned random = (unsigned)(unsigned long)arg * 2654435761u + 1;
        void **blocks = calloc(HELD, sizeof(*blocks));

        if (!blocks)
                abort();
        for (unsigned long i = 0;; i++) {
                unsigned at, size;

                random = random * 1103515245 + 12345;
                at = i < HELD ? (unsigned)i : (random >> 8) % HELD;
                size = 16 + (random >> 16) % 700;
                free(blocks[at]);
                blocks[at] = malloc(size);
                if (!blocks[at])
                        abort();
                if (i == HELD)
                        pthread_barrier_wait(&filled);
        }
        return NULL;
}

int main(int argc, char **argv)
{
        unsigned threads = argc > 1 ? (unsigned)atoi(argv[1]) : 1;

        pthread_barrier_init(&filled, NULL, threads + 1);
        for (unsigned i = 0; i < threads; i++) {
                pthread_t t;

                if (pthread_create(&t, NULL, churn, (void *)(unsigned long)i) != 0)
                        return 1;
        }
        pthread_barrier_wait(&filled);
        puts("ready");
        fflush(stdout);
        for (;;)
                pause();
}
