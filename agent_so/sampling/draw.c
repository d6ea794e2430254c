/* SPDX-License-Identifier: MIT */
#include "agent_so/sampling/draw.h"

#include <string.h>
#include <sys/auxv.h>

#include "agent_so/state.h"
#include "agent_so/sampling/poisson.h"
#include "base/clock.h"

static __attribute__((noinline, cold)) uint64_t seed(void)
{
        const unsigned char *at_random = (const unsigned char *)getauxval(AT_RANDOM);
        uint64_t x = 0;

        if (at_random)
                memcpy(&x, at_random, sizeof(x));
        x ^= clock_monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15) ^ (uintptr_t)&agent_thread ^
             (uint64_t)agent.pid << 32;
        x ^= x >> 31;
        x *= UINT64_C(0xbf58476d1ce4e5b9);
        return x | (x == 0);
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" (2016). */
static inline uint64_t random_next(void)
{
        uint64_t x = agent_thread.random;

        if (unlikely(x == 0))
                x = seed();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        agent_thread.random = x;
        return x * UINT64_C(0x2545f4914f6cdd1d);
}

static inline double uniform(void)
{
        return (double)(int64_t)((random_next() >> 11) + 1) * 0x1p-53;
}

double draw_uniform(void)
{
        return uniform();
}

uint64_t draw_distance(uint64_t mean)
{
        return mean <= 1 ? 0 : 1 + (uint64_t)(int64_t)(poisson_minus_log(uniform()) * (double)(int64_t)mean);
}
