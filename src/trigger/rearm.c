/* SPDX-License-Identifier: MIT */
#include "trigger/rearm.h"

bool rearm_is_dip(uint64_t threshold, uint64_t value)
{
        return value < threshold - threshold / 20;
}

uint64_t rearm_level(const struct rearm *r, uint64_t threshold)
{
        return r->fired && r->next_level > threshold ? r->next_level : threshold;
}

bool rearm_check(struct rearm *r, uint64_t threshold, uint64_t value, uint64_t now_ns)
{
        if (r->fired && rearm_is_dip(threshold, value))
                r->fired = false;
        return now_ns >= r->quiet_ns && value >= rearm_level(r, threshold);
}

void rearm_fired(struct rearm *r, uint64_t value, uint64_t limit, uint64_t now_ns, uint64_t cooldown_ns)
{
        uint64_t step = value / 4;

        if (limit > value && (limit - value) / 2 < step)
                step = (limit - value) / 2;
        *r = (struct rearm){
                .fired = true, .next_level = value + (step > 0 ? step : 1), .quiet_ns = now_ns + cooldown_ns};
}

void rearm_failed(struct rearm *r, uint64_t now_ns, uint64_t wait_ns)
{
        r->quiet_ns = now_ns + wait_ns;
}
