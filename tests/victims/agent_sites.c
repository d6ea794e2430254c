/* SPDX-License-Identifier: MIT */
/* agent_sites - sites that hold a known part of the heap, beside heavy churn.
 *
 *   agent_sites TOTAL_BYTES exact      sites filled exactly, then "ready" and wait
 *   agent_sites TOTAL_BYTES random     the same with blocks of random sizes and churn, which goes on after "ready TRUTH..."
 *
 * Site i of 6 holds 1, 4, 10, 15, 30 and 40 % of the total: its functions are site_1, site_4 ...
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
        uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
        bool exact = argc > 2 && strcmp(argv[2], "exact") == 0;
        uint64_t held[N_SITES] = {0}, want[N_SITES];
        bool more = true;

        swansong_note("filling the sites");
        for (size_t i = 0; i < N_SITES; i++)
                want[i] = total / 100 * sites[i].percent;
        while (more) {
                more = false;
                for (size_t i = 0; i < N_SITES; i++) {
                        size_t n = exact ? 1000 * (i + 1) : 16 + (size_t)(random_next() % (200u << i));
                        void **block;

                        if (held[i] >= want[i])
                                continue;
                        more = true;
                        if (n > want[i] - held[i])
                                n = want[i] - held[i] < 16 ? 16 : (size_t)(want[i] - held[i]);
                        block = sites[i].allocate(n);
                        *block = lists[i];
                        lists[i] = block;
                        held[i] += n;
                        if (!exact)
                                for (int c = 0; c < 4; c++)
                                        churn();
                }
        }
        printf("ready");
        for (size_t i = 0; i < N_SITES; i++)
                printf(" %llu", (unsigned long long)held[i]);
        puts("");
        fflush(stdout);
        for (;;) {
                if (exact)
                        pause();
                churn();
        }
}
