/* SPDX-License-Identifier: MIT */
/* clock - time in nanoseconds, and as RFC 3339 text. */
#ifndef SWANSONG_BASE_CLOCK_H
#define SWANSONG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

/* CLOCK_MONOTONIC: for durations, and comparable with the kernel log's time stamps to a few ms. */
static inline uint64_t clock_monotonic_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The same as of the last tick of the kernel's clock: up to 10 ms old, at a tenth of the cost. */
static inline uint64_t clock_monotonic_coarse_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* CLOCK_REALTIME: what the time of day was. */
static inline uint64_t clock_realtime_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The time of day at a moment that is given in CLOCK_MONOTONIC's ns. */
static inline uint64_t clock_realtime_of_boot(uint64_t monotonic_ns)
{
        return clock_realtime_ns() - clock_monotonic_ns() + monotonic_ns;
}

/* "2026-11-21T05:00:00.123456Z" (microseconds, UTC) into CLOCK_TEXT bytes; returns out. */
#define CLOCK_TEXT 32
char *clock_rfc3339(uint64_t realtime_ns, char out[CLOCK_TEXT]);

/* "20261121T050000Z", the form in a bundle's name; returns out. */
char *clock_compact(uint64_t realtime_ns, char out[CLOCK_TEXT]);

#endif
