/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/live_table.h"

#include "agent_so/state.h"
#include "agent_so/sampling/draw.h"
#include "agent_so/sampling/filter.h"
#include "agent_so/sampling/poisson.h"
#include "agent_so/recorder/recorder.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/recorder/table_levels.h"

#define BUCKET           LIVE_TABLE_BUCKET
#define SMALLEST_BUCKETS 256 /* 2,048 slots: four pages of keys */

struct pair {
        uint64_t first[2]; /* slot where each bucket begins */
};

static inline __attribute__((always_inline)) struct pair buckets_of(uintptr_t address, uint32_t level)
{
        uint64_t h = (uint64_t)address * UINT64_C(0x9e3779b97f4a7c15),
                 mask = level_size(SMALLEST_BUCKETS, level) - 1;
        uint64_t base = level_first(SMALLEST_BUCKETS, level);

        h ^= h >> 29;
        h *= UINT64_C(0xbf58476d1ce4e5b9);
        return (struct pair){{(base + ((h >> 8) & mask)) * BUCKET, (base + ((h >> 36) & mask)) * BUCKET}};
}

/* A bucket fills from its first slot on: while this one is free, it is hardly half full. */
static bool is_roomy(const uint64_t *keys)
{
        return __atomic_load_n(&keys[BUCKET / 2], __ATOMIC_RELAXED) == RECORDER_KEY_FREE;
}

static unsigned free_slots(const uint64_t *keys)
{
        unsigned n = 0;

        for (unsigned i = 0; i < BUCKET; i++)
                n += __atomic_load_n(&keys[i], __ATOMIC_RELAXED) == RECORDER_KEY_FREE;
        return n;
}

static inline __attribute__((always_inline)) bool add_to(uint64_t first, uintptr_t address,
                                                         const struct recorder_live *record)
{
        uint64_t *keys = agent.live_keys + first;

        if (!recorder_reserve(agent.live + first, BUCKET * sizeof(*agent.live)))
                return false;
        for (unsigned i = 0; i < BUCKET; i++) {
                uint64_t expected = RECORDER_KEY_FREE;

                if (__atomic_load_n(&keys[i], __ATOMIC_RELAXED) != RECORDER_KEY_FREE ||
                    !__atomic_compare_exchange_n(&keys[i], &expected, RECORDER_KEY_BUSY, false,
                                                 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        continue;
                agent.live[first + i] = *record;
                __atomic_store_n(&keys[i], address, __ATOMIC_RELEASE);
                return true;
        }
        return false;
}

static bool add_to_level(uint32_t level, uintptr_t address, const struct recorder_live *record)
{
        struct pair p = buckets_of(address, level);
        unsigned emptier;

        level_begin(&agent.live_levels, level);
        if (!recorder_reserve_one(agent.live_keys + p.first[0], BUCKET * sizeof(uint64_t)))
                return false;
        if (is_roomy(agent.live_keys + p.first[0]) && add_to(p.first[0], address, record))
                return true;
        if (!recorder_reserve_one(agent.live_keys + p.first[1], BUCKET * sizeof(uint64_t)))
                return false;
        emptier = free_slots(agent.live_keys + p.first[1]) > free_slots(agent.live_keys + p.first[0]);
        return add_to(p.first[emptier], address, record) || add_to(p.first[!emptier], address, record);
}

bool live_table_add(uintptr_t address, const struct recorder_live *record)
{
        for (uint32_t level = 0; level_exists(SMALLEST_BUCKETS, level, agent.live_buckets); level++) {
                uint32_t slots = level_size(SMALLEST_BUCKETS, level) * BUCKET;

                if (__atomic_load_n(&agent.live_used[level], __ATOMIC_RELAXED) >= slots / 4 * 3 ||
                    !add_to_level(level, address, record))
                        continue;
                __atomic_fetch_add(&agent.live_used[level], 1, __ATOMIC_RELAXED);
                count(&agent.header->counters.live_samples, 1);
                return true;
        }
        return false;
}

static inline __attribute__((always_inline)) bool find(uintptr_t address, uint64_t *ret_slot)
{
        uint32_t levels = __atomic_load_n(&agent.live_levels, __ATOMIC_ACQUIRE);

        for (uint32_t level = 0; level < levels; level++) {
                struct pair p = buckets_of(address, level);

                for (unsigned b = 0; b < 2; b++) {
                        /* Where nothing was ever put there is nothing to read, not even a zero page. */
                        if (!recorder_is_reserved(agent.live_keys + p.first[b]))
                                continue;
                        for (unsigned i = 0; i < BUCKET; i++)
                                if (__atomic_load_n(&agent.live_keys[p.first[b] + i], __ATOMIC_ACQUIRE) ==
                                    address) {
                                        *ret_slot = p.first[b] + i;
                                        return true;
                                }
                }
        }
        return false;
}

static bool remove_slot(uint64_t slot, uintptr_t address, struct recorder_live *ret)
{
        uint64_t expected = address;

        if (!__atomic_compare_exchange_n(&agent.live_keys[slot], &expected, RECORDER_KEY_BUSY, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return false;
        *ret = agent.live[slot];
        /* Taken, so that who makes the table coarser does not change it any more. */
        ret->weight = __atomic_exchange_n(&agent.live[slot].weight, 0, __ATOMIC_ACQ_REL);
        __atomic_store_n(&agent.live_keys[slot], RECORDER_KEY_FREE, __ATOMIC_RELEASE);
        __atomic_fetch_sub(&agent.live_used[level_of(SMALLEST_BUCKETS, (uint32_t)(slot / BUCKET))], 1,
                           __ATOMIC_RELAXED);
        __atomic_fetch_sub(&agent.header->counters.live_samples, 1, __ATOMIC_RELAXED);
        return true;
}

bool live_table_remove(uintptr_t address, struct recorder_live *ret)
{
        uint64_t slot;

        return find(address, &slot) && remove_slot(slot, address, ret);
}

bool live_table_get(uintptr_t address, struct recorder_live *ret)
{
        uint64_t slot;

        if (!find(address, &slot))
                return false;
        *ret = agent.live[slot];
        return true;
}

/* Keep this one with the probability that it has under the new mean, given the old. */
static void thin(uint64_t slot, uint64_t mean)
{
        uint64_t address = __atomic_load_n(&agent.live_keys[slot], __ATOMIC_ACQUIRE), old, weight;
        struct recorder_live record;

        if (address <= RECORDER_KEY_BUSY)
                return;
        record = agent.live[slot];
        if (record.stack >= agent.n_stacks || agent.stacks[record.stack].kind == RECORDER_STACK_MAP)
                return; /* recorded exactly, and known to the index of mappings */
        old = record.weight;
        weight = poisson_weight(record.size, mean);
        if (old == 0 || weight <= old)
                return;
        if (draw_uniform() * (double)weight < (double)old) {
                if (__atomic_compare_exchange_n(&agent.live[slot].weight, &old, weight, false,
                                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
                        stack_table_reweigh(record.stack, record.size, old, weight);
        } else if (remove_slot(slot, address, &record)) {
                filter_add(address, -1);
                stack_table_count(record.stack, record.size, record.weight, -1);
        }
}

static void forget(uint64_t slot, uint64_t mean)
{
        uint64_t address = __atomic_load_n(&agent.live_keys[slot], __ATOMIC_ACQUIRE);
        struct recorder_live record;

        (void)mean;
        if (address <= RECORDER_KEY_BUSY || !remove_slot(slot, address, &record))
                return;
        filter_add(address, -1); /* mappings are not in it: it ends at 0 either way */
        stack_table_count(record.stack, record.size, record.weight, -1);
}

static void each_slot(void (*visit)(uint64_t slot, uint64_t mean), uint64_t mean)
{
        uint64_t slots = (uint64_t)agent.live_buckets * BUCKET, per_page = 4096 / sizeof(uint64_t);

        for (uint64_t page = 0; page < slots; page += per_page) {
                uint64_t end = page + per_page < slots ? page + per_page : slots;

                if (!recorder_is_reserved(agent.live_keys + page))
                        continue; /* a hole: reading it would fill it */
                for (uint64_t i = page; i < end; i++)
                        visit(i, mean);
        }
}

void live_table_forget(void)
{
        each_slot(forget, 0);
}

void live_table_coarser(void)
{
        struct recorder_header *h = agent.header;
        uint64_t mean;
        uint32_t expected = 0;

        if (!__atomic_compare_exchange_n(&agent.thinning, &expected, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
                return;
        mean = __atomic_load_n(&h->mean, __ATOMIC_RELAXED);
        mean = mean == 1 ? 4096 : mean * 2;
        __atomic_store_n(&h->mean, mean, __ATOMIC_RELAXED);
        header_flag(RECORDER_DEGRADED);
        count(&h->counters.coarser, 1);
        each_slot(thin, mean);
        __atomic_store_n(&agent.thinning, 0, __ATOMIC_RELEASE);
}
