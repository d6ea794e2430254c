/* SPDX-License-Identifier: MIT */
#include "trigger/poll_interval.h"

#include "base/clock.h"

/* Two readings closer than this say nothing about speed: the kernel adds up RSS in batches per CPU or thread
 * (32 to 64 pages). */
#define SPEED_MIN_NS (100 * NS_PER_US)

/* 1 % of a core. */
#define POLL_UNWOKEN_SHORTEST_NS (2 * NS_PER_MS)

static uint64_t time_for_ns(uint64_t bytes, uint64_t bytes_per_s)
{
        double ns = (double)bytes / (double)bytes_per_s * NS_PER_S;

        return ns >= (double)(UINT64_MAX / 2) ? UINT64_MAX / 2 : (uint64_t)ns;
}

uint64_t poll_interval_ns(uint64_t headroom, uint64_t speed, uint64_t at_rest_ns, uint64_t longest_ns)
{
        uint64_t ns;

        if (headroom == UINT64_MAX)
                return longest_ns;
        ns = time_for_ns(headroom, POLL_FASTEST_BYTES_PER_S);
        if (ns < at_rest_ns)
                ns = at_rest_ns;
        if (speed > 0) {
                uint64_t by_speed_ns = time_for_ns(headroom, speed) / 2;

                if (by_speed_ns < ns)
                        ns = by_speed_ns;
        }
        if (ns < POLL_SHORTEST_NS)
                ns = POLL_SHORTEST_NS;
        return ns < longest_ns ? ns : longest_ns;
}

uint64_t poll_interval_armed_ns(uint64_t headroom, uint64_t speed, uint64_t longest_ns)
{
        uint64_t ns = speed > 0 ? time_for_ns(headroom, speed) / 2 : POLL_ARMED_NS;

        if (ns > POLL_ARMED_NS)
                ns = POLL_ARMED_NS;
        if (ns < POLL_AT_REST_NS)
                ns = POLL_AT_REST_NS;
        return ns < longest_ns ? ns : longest_ns;
}

uint64_t poll_unwoken_ns(uint64_t headroom)
{
        uint64_t ns = time_for_ns(headroom, POLL_FASTEST_BYTES_PER_S) / 2;

        if (ns < POLL_UNWOKEN_SHORTEST_NS)
                return POLL_UNWOKEN_SHORTEST_NS;
        return ns < POLL_AT_REST_NS ? ns : POLL_AT_REST_NS;
}

void poll_speed_update(struct poll_speed *s, uint64_t value, uint64_t now_ns)
{
        uint64_t dt_ns = now_ns - s->time_ns, seconds = dt_ns / NS_PER_S, grown;

        if (s->time_ns == 0) {
                *s = (struct poll_speed){.value = value, .time_ns = now_ns};
                return;
        }
        if (dt_ns < SPEED_MIN_NS)
                return;
        /* Halved per whole second, and linearly within one. */
        s->peak = seconds < 64 ? s->peak >> seconds : 0;
        s->peak -= (uint64_t)((double)s->peak / 2 * (double)(dt_ns % NS_PER_S) / NS_PER_S);
        grown = value > s->value ? (uint64_t)((double)(value - s->value) * NS_PER_S / (double)dt_ns) : 0;
        if (grown > s->peak)
                s->peak = grown;
        s->value = value;
        s->time_ns = now_ns;
}
