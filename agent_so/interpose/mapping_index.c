/* SPDX-License-Identifier: MIT */
#include "agent_so/interpose/mapping_index.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "agent_so/state.h"

#define MAPPINGS_MAX 4000

static struct {
        uint32_t locked;
        uint32_t n;
        struct mapping sorted[MAPPINGS_MAX];
} index_ __attribute__((aligned(4096)));

/* The pages of index_, whole. */
#define INDEX_BYTES ((sizeof(index_) + 4095) & ~(size_t)4095)

bool mapping_index_init(void)
{
        return madvise(&index_, INDEX_BYTES, MADV_WIPEONFORK) == 0;
}

void mapping_index_reset(void)
{
        memset(&index_, 0, sizeof(index_));
}

bool mapping_index_empty(void)
{
        return __atomic_load_n(&index_.n, __ATOMIC_RELAXED) == 0;
}

bool mapping_index_lock(void)
{
        for (unsigned i = 0; i < 100000; i++) {
                uint32_t expected = 0;

                if (__atomic_compare_exchange_n(&index_.locked, &expected, 1, false, __ATOMIC_ACQUIRE,
                                                __ATOMIC_RELAXED))
                        return true;
                if (!agent_sealed)
                        sched_yield();
        }
        return false;
}

void mapping_index_unlock(void)
{
        __atomic_store_n(&index_.locked, 0, __ATOMIC_RELEASE);
}

/* The first whose end is above address. */
static uint32_t first_above(uintptr_t address)
{
        uint32_t low = 0, high = index_.n;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (index_.sorted[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool mapping_index_add(uintptr_t start, uintptr_t end)
{
        uint32_t at = first_above(start);

        if (index_.n == MAPPINGS_MAX || (at < index_.n && index_.sorted[at].start < end))
                return false;
        memmove(&index_.sorted[at + 1], &index_.sorted[at], (index_.n - at) * sizeof(struct mapping));
        index_.sorted[at] = (struct mapping){start, end};
        __atomic_store_n(&index_.n, index_.n + 1, __ATOMIC_RELAXED);
        return true;
}

void mapping_index_remove(uintptr_t start)
{
        uint32_t at = first_above(start);

        if (at >= index_.n || index_.sorted[at].start != start)
                return;
        memmove(&index_.sorted[at], &index_.sorted[at + 1], (index_.n - at - 1) * sizeof(struct mapping));
        __atomic_store_n(&index_.n, index_.n - 1, __ATOMIC_RELAXED);
}

void mapping_index_clear(void)
{
        __atomic_store_n(&index_.n, 0, __ATOMIC_RELAXED);
}

bool mapping_index_overlap(uintptr_t start, uintptr_t end, struct mapping *ret)
{
        uint32_t at = first_above(start);

        if (at >= index_.n || index_.sorted[at].start >= end)
                return false;
        *ret = index_.sorted[at];
        return true;
}
