/* SPDX-License-Identifier: MIT */
/* filter - "was this block perhaps sampled?": the one table that every free() reads.
 *
 * A byte per slot, which counts the sampled blocks alive in it.  0 is "surely not".  A byte that reaches 255 stays there:
 * no more than a lost short cut.  Pages never written are the kernel's zero page.
 *
 * The slot is the upper part of a product, two instructions in all.  The factor lies a little above 2^10: neighbours 16
 * bytes apart are 1.08 slots apart, so that heap that is close together is close together here (a byte of the table for 15
 * of the heap: it takes a sixteenth of the cache that the heap takes), and blocks some MiB apart do not meet.
 */
#ifndef SWANSONG_AGENT_SO_SAMPLING_FILTER_H
#define SWANSONG_AGENT_SO_SAMPLING_FILTER_H

#include <stdint.h>

#define FILTER_BITS 18 /* 256 KiB: with 20,000 samples alive 8 % of the frees look further */

#define FILTER_FACTOR UINT32_C(1109)

#define FILTER_TABLE 4096 /* bytes: half of them are used */

/* What free() does with a block lies right before the slots, by the slot's count: it needs one base address, and no branch but
 * its last jump.  Defined by agent.lds: the table is filled by the loader, before anybody calls free(); the slots are never in
 * the file. */
extern struct filter {
        void (*free[FILTER_TABLE / sizeof(void (*)(void *))])(void *); /* [0]: the allocator's own */
        uint8_t slots[1 << FILTER_BITS];
} filter __attribute__((visibility("hidden")));

static inline uint8_t *filter_slot(uintptr_t address)
{
        return &filter.slots[(uint32_t)address * FILTER_FACTOR >> (32 - FILTER_BITS)];
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
