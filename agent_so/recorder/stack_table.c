/* SPDX-License-Identifier: MIT */
#include "agent_so/state.h"
#include "agent_so/recorder/stack_table.h"

#include <string.h>

#include "agent_so/recorder/recorder.h"
#include "agent_so/recorder/table_levels.h"
#include "base/clock.h"

#define SMALLEST   256 /* entries of the first level */
#define PROBES_MAX 32  /* in a level that is three quarters full at most, more than this hardly ever */

static uint64_t hash_of(const uint64_t *frames, unsigned n, enum recorder_stack_kind kind)
{
        uint64_t h = (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15) + n;

        for (unsigned i = 0; i < n; i++)
                h = ((h >> 29 | h << 35) ^ frames[i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
        return h > RECORDER_KEY_BUSY ? h : h + 2;
}

static inline __attribute__((always_inline)) bool same(const struct recorder_stack *s, const uint64_t *frames,
                                                       unsigned n, enum recorder_stack_kind kind)
{
        const uint64_t *own = agent.frames + s->first_frame;

        if (s->n_frames != n || s->kind != kind ||
            (__atomic_load_n(&s->flags, __ATOMIC_RELAXED) & RECORDER_STACK_RETIRED))
                return false;
        for (unsigned i = 0; i < n; i++) /* a call of memcmp() costs more */
                if (own[i] != frames[i])
                        return false;
        return true;
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

/* The place of this stack in a level, or where it could go (*ret_free).  0: neither. */
static uint32_t find_in_level(uint32_t level, uint64_t hash, const uint64_t *frames, unsigned n,
                              enum recorder_stack_kind kind, bool *ret_free)
{
        uint32_t mask = level_size(SMALLEST, level) - 1, first = level_first(SMALLEST, level);

        for (uint32_t i = 0; i < PROBES_MAX; i++) {
                uint32_t at = first + (((uint32_t)(hash >> 32) + i) & mask);
                uint64_t key;

                if (at == 0 || !recorder_reserve_one(&agent.stacks[at], sizeof(*agent.stacks)))
                        continue;
                key = __atomic_load_n(&agent.stacks[at].hash, __ATOMIC_ACQUIRE);
                *ret_free = key == RECORDER_KEY_FREE;
                if (*ret_free || (key == hash && same(&agent.stacks[at], frames, n, kind)))
                        return at;
        }
        return 0;
}

/* Make the free entry this stack's.  false: another thread took it first, or there is no room for frames. */
static bool take(uint32_t at, uint64_t hash, const uint64_t *frames, unsigned n,
                 enum recorder_stack_kind kind, bool cut)
{
        struct recorder_stack *s = &agent.stacks[at];
        uint64_t expected = RECORDER_KEY_FREE;

        if (!__atomic_compare_exchange_n(&s->hash, &expected, RECORDER_KEY_BUSY, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return false;
        if (!fill(s, frames, n, kind, cut)) {
                __atomic_store_n(&s->hash, RECORDER_KEY_FREE, __ATOMIC_RELEASE);
                return false;
        }
        __atomic_store_n(&s->hash, hash, __ATOMIC_RELEASE);
        count(&agent.header->counters.stacks, 1);
        return true;
}

static __attribute__((noinline)) uint32_t find(uint64_t hash, const uint64_t *frames, unsigned n,
                                               enum recorder_stack_kind kind, bool cut)
{
        uint32_t levels = __atomic_load_n(&agent.stack_levels, __ATOMIC_ACQUIRE);

        for (uint32_t level = 0; level_exists(SMALLEST, level, agent.n_stacks); level++) {
                bool free_entry = false, begun = level < levels;
                uint32_t at = find_in_level(level, hash, frames, n, kind, &free_entry);

                if (at && !free_entry)
                        return at;
                /* It may be in a level above; only the last is filled. */
                if (!at || (begun && level + 1 < levels) ||
                    __atomic_load_n(&agent.stack_used[level], __ATOMIC_RELAXED) >=
                            level_size(SMALLEST, level) / 4 * 3)
                        continue;
                level_begin(&agent.stack_levels, level);
                if (take(at, hash, frames, n, kind, cut)) {
                        __atomic_fetch_add(&agent.stack_used[level], 1, __ATOMIC_RELAXED);
                        return at;
                }
        }
        header_flag(RECORDER_STACKS_FULL);
        return 0;
}

uint32_t stack_table_find(const uint64_t *frames, unsigned n, enum recorder_stack_kind kind, bool cut)
{
        uint64_t hash = hash_of(frames, n, kind);
        uint32_t *hint = &agent.stack_hints[hash % STACK_HINTS], at = __atomic_load_n(hint, __ATOMIC_RELAXED);

        if (likely(at && __atomic_load_n(&agent.stacks[at].hash, __ATOMIC_ACQUIRE) == hash &&
                   same(&agent.stacks[at], frames, n, kind)))
                return at;
        at = find(hash, frames, n, kind, cut);
        __atomic_store_n(hint, at, __ATOMIC_RELAXED);
        return at;
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

/* The entries of the levels in use. */
static uint32_t used_end(void)
{
        return level_first(SMALLEST, __atomic_load_n(&agent.stack_levels, __ATOMIC_ACQUIRE));
}

uint64_t stack_table_live_bytes(void)
{
        int64_t sum = 0;

        for (uint32_t i = 0; i < used_end(); i++)
                if (recorder_is_reserved(&agent.stacks[i]))
                        sum += __atomic_load_n(&agent.stacks[i].live_bytes, __ATOMIC_RELAXED);
        return sum > 0 ? (uint64_t)sum : 0;
}

void stack_table_retire(uint64_t start, uint64_t end)
{
        for (uint32_t i = 1; i < used_end(); i++) {
                struct recorder_stack *s = &agent.stacks[i];

                if (!recorder_is_reserved(s) ||
                    __atomic_load_n(&s->hash, __ATOMIC_ACQUIRE) <= RECORDER_KEY_BUSY)
                        continue;
                for (uint32_t f = 0; f < s->n_frames; f++)
                        if (agent.frames[s->first_frame + f] - start < end - start) {
                                __atomic_fetch_or(&s->flags, RECORDER_STACK_RETIRED, __ATOMIC_RELAXED);
                                break;
                        }
        }
}
