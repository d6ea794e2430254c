/* SPDX-License-Identifier: MIT */
/* agent_sites - sites that hold a known part of the heap, beside heavy churn.
 *
 *   agent_sites TOTAL_BYTES exact      sites filled exactly, then "ready" and wait
 *   agent_sites TOTAL_BYTES random     the same with blocks of random sizes and churn, which goes on after "ready TRUTH..."
 *   agent_sites TOTAL_BYTES exact|random FILE     "begun", then the same; FILE holds at any time what each site holds
 *
 * At any time the 6 sites hold 1, 4, 10, 15, 30 and 40 % of what is held: their functions are site_1, site_4 ...
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../include/swansong.h"

static uint64_t state = 88172645463325252u;

static uint64_t random_next(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        return state ^= state << 17;
}

#define SITE(percent)                                                                                        \
        static __attribute__((noinline)) void *site_##percent(size_t n)                                      \
        {                                                                                                    \
                void **p = malloc(n);                                                                        \
                if (!p)                                                                                      \
                        abort();                                                                             \
                *p = NULL;                                                                                   \
                return p;                                                                                    \
        }

SITE(1)
SITE(4)
SITE(10)
SITE(15)
SITE(30)
SITE(40)

static const struct {
        unsigned percent;
        void *(*allocate)(size_t);
} sites[] = {{1, site_1}, {4, site_4}, {10, site_10}, {15, site_15}, {30, site_30}, {40, site_40}};

#define N_SITES (sizeof(sites) / sizeof(sites[0]))

static void **lists[N_SITES]; /* each block points to the one before */

static __attribute__((noinline)) void churn(void)
{
        static void *ring[1000];
        uint64_t r = random_next();

        free(ring[r % 1000]);
        ring[r % 1000] = malloc(16 + (r >> 10) % 4000);
}

/* The site that is furthest behind its share; N_SITES when all have what they want. */
static size_t next_site(const uint64_t *held, const uint64_t *want)
{
        size_t next = N_SITES;

        for (size_t i = 0; i < N_SITES; i++)
                if (held[i] < want[i] &&
                    (next == N_SITES || held[i] * sites[next].percent < held[next] * sites[i].percent))
                        next = i;
        return next;
}

/* Where the truth stands while the program runs, and after it was killed: bytes held by each site. */
static volatile uint64_t *open_truth(const char *path)
{
        static uint64_t unseen[N_SITES];
        int fd = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
        void *map = unseen;

        if (path) {
                if (fd < 0 || ftruncate(fd, sizeof(unseen)) < 0)
                        abort();
                map = mmap(NULL, sizeof(unseen), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                close(fd);
        }
        if (map == MAP_FAILED)
                abort();
        return map;
}

int main(int argc, char **argv)
{
        uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
        bool exact = argc > 2 && strcmp(argv[2], "exact") == 0;
        volatile uint64_t *truth = open_truth(argc > 3 ? argv[3] : NULL);
        uint64_t held[N_SITES] = {0}, want[N_SITES];
        size_t i;

        swansong_note("filling the sites");
        for (i = 0; i < N_SITES; i++)
                want[i] = total / 100 * sites[i].percent;
        if (argc > 3) {
                puts("begun");
                fflush(stdout);
        }
        while ((i = next_site(held, want)) < N_SITES) {
                size_t n = exact ? 1000 * (i + 1) : 16 + (size_t)(random_next() % (200u << i));
                void **block;

                if (n > want[i] - held[i])
                        n = want[i] - held[i] < 16 ? 16 : (size_t)(want[i] - held[i]);
                block = sites[i].allocate(n);
                *block = lists[i];
                lists[i] = block;
                held[i] += n;
                truth[i] = held[i];
                /* All of it is resident: a limit counts what is touched. */
                memset(block + 1, 1, n - sizeof(*block));
                if (!exact)
                        for (int c = 0; c < 4; c++)
                                churn();
        }
        printf("ready");
        for (i = 0; i < N_SITES; i++)
                printf(" %llu", (unsigned long long)held[i]);
        puts("");
        fflush(stdout);
        for (;;) {
                if (exact)
                        pause();
                churn();
        }
}
