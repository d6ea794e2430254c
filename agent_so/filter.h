/* SPDX-License-Identifier: MIT */
/* filter - "was this block perhaps sampled?": the one table that every free() reads.
 *
 * A byte per slot, direct-mapped by address bits 4 and up; it counts the sampled blocks alive in the slot.  0 is "surely
 * not".  A byte that reaches 255 stays there: no more than a lost short cut.  Pages never written are the kernel's zero
 * page.  64 bytes of the table serve 1 KiB of heap: it takes a sixteenth of the cache that the heap takes, at most.
 */
#ifndef SWANSONG_AGENT_FILTER_H
#define SWANSONG_AGENT_FILTER_H

#include <stdint.h>

#define FILTER_BITS 18 /* 256 KiB: with 20,000 samples alive 8 % of the frees look further */

extern uint8_t filter[1 << FILTER_BITS] __attribute__((visibility("hidden")));

static inline uint8_t *filter_slot(uintptr_t address)
{
        return &filter[(address >> 4) & ((1 << FILTER_BITS) - 1)];
}

static inline uint8_t filter_hit(uintptr_t address)
{
        return *filter_slot(address); /* plain, so that it is one instruction with its test */
}

static inline void filter_add(uintptr_t address, int change)
{
        uint8_t *slot = filter_slot(address), old = __atomic_load_n(slot, __ATOMIC_RELAXED);

        while (old != UINT8_MAX && !(old == 0 && change < 0) &&
               !__atomic_compare_exchange_n(slot, &old, (uint8_t)(old + change), 1, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
                ;
}

static inline void filter_pin(uintptr_t address)
{
        __atomic_store_n(filter_slot(address), UINT8_MAX, __ATOMIC_RELAXED);
}

#endif
