/* SPDX-License-Identifier: MIT */
/* malloc_only - a program that does nothing but malloc and free: the worst case for who looks at each call.
 *
 *   malloc_only PAIRS LIVE [THREADS]      blocks of 16 to 1,039 bytes; LIVE of them are alive in each thread
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static unsigned long pairs;
static unsigned live;

static void *run(void *arg)
{
        void **block = calloc(live, sizeof(*block));
        uint32_t random = (uint32_t)(uintptr_t)arg + 1;

        for (unsigned long i = 0; i < pairs; i++) {
                uint32_t slot;

                random = random * 1664525 + 1013904223;
                slot = (uint32_t)((uint64_t)random * live >> 32);
                free(block[slot]);
                block[slot] = malloc(16 + (random >> 7 & 1023));
        }
        for (unsigned i = 0; i < live; i++)
                free(block[i]);
        free(block);
        return NULL;
}

int main(int argc, char **argv)
{
        unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
        pthread_t thread[64];

        pairs = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
        live = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
        for (unsigned i = 1; i < threads && i < 64; i++)
                if (pthread_create(&thread[i], NULL, run, (void *)(uintptr_t)i) != 0)
                        return 1;
        run(NULL);
        for (unsigned i = 1; i < threads && i < 64; i++)
                pthread_join(thread[i], NULL);
        return 0;
}
