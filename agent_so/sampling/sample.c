/* SPDX-License-Identifier: MIT */
#include "agent_so/sampling/sample.h"

#include <errno.h>

#include "agent_so/sampling/draw.h"
#include "agent_so/dump/dump.h"
#include "agent_so/recorder/history.h"
#include "agent_so/recorder/live_table.h"
#include "agent_so/sampling/poisson.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/service.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/stacks/stack_unwind.h"
#include "base/clock.h"

bool sample_draw(size_t n, uint64_t *ret_mean)
{
        struct agent_thread *t = &agent_thread;
        bool first = t->mean == 0;
        uint64_t mean = agent.header->mean;

        *ret_mean = first ? mean : t->mean;
        if (first) {
                /* The thread's first bytes have their chance like all others. */
                uint64_t distance = draw_distance(mean);

                t->mean = mean;
                if (distance > n) {
                        t->left = distance - n;
                        return false;
                }
        }
        t->mean = mean;
        t->left = draw_distance(mean);
        return true;
}

/* Never before the beginning, which was taken from the exact clock. */
static uint64_t coarse_now(void)
{
        uint64_t now = clock_monotonic_coarse_ns(), began = agent.header->began_monotonic_ns;

        return now < began ? began : now;
}

static uint32_t time_of(uint64_t now)
{
        return (uint32_t)((now - agent.header->began_monotonic_ns) / (NS_PER_S / 10));
}

static inline __attribute__((always_inline)) void
add(uintptr_t address, size_t n, uint64_t mean, enum recorder_stack_kind kind, const struct unwind_regs *regs)
{
        struct recorder_header *h = agent.header;
        uint64_t frames[RECORDER_FRAMES_MAX], now = coarse_now();
        struct recorder_live record = {.size = n, .weight = poisson_weight(n, mean), .time = time_of(now)};
        bool cut;

        __atomic_store_n(&h->updated_ns, now, __ATOMIC_RELAXED);
        unsigned n_frames = stack_unwind(regs, true, frames, RECORDER_FRAMES_MAX, &cut);

        if (cut)
                count(&h->counters.unwind_cut, 1);
        record.stack = stack_table_find(frames, n_frames, kind, cut);
        /* Freed by a way that does not lead through us, and handed out again. */
        if (unlikely(agent_late) && kind == RECORDER_STACK_HEAP && filter_hit(address))
                sample_remove((void *)address);
        if (live_table_add(address, &record)) {
                if (kind == RECORDER_STACK_HEAP)
                        filter_add(address, 1);
                stack_table_count(record.stack, n, record.weight, 1);
                count(&h->counters.samples, 1);
        } else {
                header_flag(RECORDER_LIVE_FULL);
                count(&h->counters.lost_samples, 1);
                count(&h->counters.lost_bytes, recorder_weighted_bytes(n, record.weight));
        }
        if (unlikely(live_table_crowded()))
                live_table_coarser();
        service_consider(frames, n_frames, cut, now);
        history_consider(now);
        if (unlikely(agent.dump_pending > 0) && !service_runs())
                dump_take(false);
}

void sample_add(void *p, size_t n, uint64_t mean, enum recorder_stack_kind kind,
                const struct unwind_regs *regs)
{
        int saved = errno;

        add((uintptr_t)p, n, mean, kind, regs);
        errno = saved;
}

void sample_remove(void *p)
{
        struct recorder_live record;

        if (agent.state != AGENT_ON || !live_table_remove((uintptr_t)p, &record))
                return;
        filter_add((uintptr_t)p, -1);
        stack_table_count(record.stack, record.size, record.weight, -1);
        count(&agent.header->counters.frees, 1);
}
