/* SPDX-License-Identifier: MIT */
#include "agent_so/agent.h"
#include "agent_so/stack_table.h"

#include <string.h>

#include "agent_so/recorder.h"
#include "base/clock.h"

/* Not the last ones: probing a full table would cost more and more. */
#define FULL(n) ((n) - (n) / 8)

static uint64_t hash_of(const uint64_t *frames, unsigned n, enum recorder_stack_kind kind)
{
        uint64_t h = (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15) + n;

        for (unsigned i = 0; i < n; i++) {
                h = (h ^ frames[i]) * UINT64_C(0xff51afd7ed558ccd);
                h ^= h >> 32;
        }
        return h > RECORDER_KEY_BUSY ? h : h + 2;
}

static bool same(const struct recorder_stack *s, const uint64_t *frames, unsigned n,
                 enum recorder_stack_kind kind)
{
        return s->n_frames == n && s->kind == kind &&
               !(__atomic_load_n(&s->flags, __ATOMIC_RELAXED) & RECORDER_STACK_RETIRED) &&
               memcmp(agent.frames + s->first_frame, frames, n * sizeof(*frames)) == 0;
}

/* Room for n frames; false: there is none. */
static bool take_frames(unsigned n, uint32_t *ret_first)
{
        struct recorder_header *h = agent.header;
        uint64_t used = __atomic_load_n(&h->counters.frames, __ATOMIC_RELAXED);

        do {
                if (n > h->section[RECORDER_FRAMES].count - used)
                        return false;
        } while (!__atomic_compare_exchange_n(&h->counters.frames, &used, used + n, true, __ATOMIC_RELAXED,
                                              __ATOMIC_RELAXED));
        *ret_first = (uint32_t)used;
        return recorder_reserve(agent.frames + used, n * sizeof(uint64_t));
}

static bool fill(struct recorder_stack *s, const uint64_t *frames, unsigned n, enum recorder_stack_kind kind,
                 bool cut)
{
        uint32_t first = 0;

        if (!take_frames(n, &first))
                return false;
        memcpy(agent.frames + first, frames, n * sizeof(*frames));
        s->first_frame = first;
        s->n_frames = (uint16_t)n;
        s->kind = (uint8_t)kind;
        s->flags = cut ? RECORDER_STACK_CUT : 0;
        s->generation = __atomic_load_n(&agent.header->module_generation, __ATOMIC_RELAXED);
        s->first_growth_ns = s->last_growth_ns = clock_monotonic_ns();
        return true;
}

uint32_t stack_table_find(const uint64_t *frames, unsigned n, enum recorder_stack_kind kind, bool cut)
{
        struct recorder_header *h = agent.header;
        uint64_t hash = hash_of(frames, n, kind), key;
        uint32_t mask = agent.n_stacks - 1, at = (uint32_t)(hash >> 32) & mask;

        for (uint32_t i = 0; i < 64; i++, at = (at + 1) & mask) {
                struct recorder_stack *s = &agent.stacks[at];

                if (at == 0)
                        continue;
                key = __atomic_load_n(&s->hash, __ATOMIC_ACQUIRE);
                if (key == hash && same(s, frames, n, kind))
                        return at;
                if (key != RECORDER_KEY_FREE)
                        continue;
                if (__atomic_load_n(&h->counters.stacks, __ATOMIC_RELAXED) >= FULL(agent.n_stacks) ||
                    !recorder_reserve(s, sizeof(*s)))
                        break;
                if (!__atomic_compare_exchange_n(&s->hash, &key, RECORDER_KEY_BUSY, false, __ATOMIC_ACQUIRE,
                                                 __ATOMIC_RELAXED))
                        continue;
                if (!fill(s, frames, n, kind, cut)) {
                        __atomic_store_n(&s->hash, RECORDER_KEY_FREE, __ATOMIC_RELEASE);
                        break;
                }
                count(&h->counters.stacks, 1);
                __atomic_store_n(&s->hash, hash, __ATOMIC_RELEASE);
                return at;
        }
        header_flag(RECORDER_STACKS_FULL);
        return 0;
}

void stack_table_count(uint32_t stack, uint64_t size, uint64_t weight, int sign)
{
        struct recorder_stack *s = &agent.stacks[stack];
        int64_t bytes = (int64_t)recorder_weighted_bytes(size, weight), peak, live;

        if (sign < 0) {
                __atomic_fetch_sub(&s->live_bytes, bytes, __ATOMIC_RELAXED);
                __atomic_fetch_sub(&s->live_objects, (int64_t)weight, __ATOMIC_RELAXED);
                __atomic_fetch_sub(&s->raw_bytes, (int64_t)size, __ATOMIC_RELAXED);
                __atomic_fetch_sub(&s->raw_objects, 1, __ATOMIC_RELAXED);
                return;
        }
        live = __atomic_add_fetch(&s->live_bytes, bytes, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->live_objects, (int64_t)weight, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->raw_bytes, (int64_t)size, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->raw_objects, 1, __ATOMIC_RELAXED);
        count(&s->allocated_bytes, (uint64_t)bytes);
        count(&s->allocated_objects, weight);
        count(&s->allocated_raw, 1);
        s->last_sample_ns = __atomic_load_n(&agent.header->updated_ns, __ATOMIC_RELAXED);
        peak = __atomic_load_n(&s->peak_bytes, __ATOMIC_RELAXED);
        while (live > peak)
                if (__atomic_compare_exchange_n(&s->peak_bytes, &peak, live, true, __ATOMIC_RELAXED,
                                                __ATOMIC_RELAXED))
                        s->last_growth_ns = s->last_sample_ns;
}

void stack_table_reweigh(uint32_t stack, uint64_t size, uint64_t old_weight, uint64_t weight)
{
        struct recorder_stack *s = &agent.stacks[stack];

        __atomic_fetch_add(&s->live_bytes,
                           (int64_t)recorder_weighted_bytes(size, weight) -
                                   (int64_t)recorder_weighted_bytes(size, old_weight),
                           __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->live_objects, (int64_t)weight - (int64_t)old_weight, __ATOMIC_RELAXED);
}

void stack_table_retire(uint64_t start, uint64_t end)
{
        for (uint32_t i = 1; i < agent.n_stacks; i++) {
                struct recorder_stack *s = &agent.stacks[i];

                if (__atomic_load_n(&s->hash, __ATOMIC_ACQUIRE) <= RECORDER_KEY_BUSY)
                        continue;
                for (uint32_t f = 0; f < s->n_frames; f++)
                        if (agent.frames[s->first_frame + f] - start < end - start) {
                                __atomic_fetch_or(&s->flags, RECORDER_STACK_RETIRED, __ATOMIC_RELAXED);
                                break;
                        }
        }
}
