/* SPDX-License-Identifier: MIT */
/* live_table - the sampled blocks that are alive, by address.
 *
 * A key stands in one of two buckets of 8 slots (a cache line each), chosen by two hashes; the emptier one takes it.
 * So a look-up reads two cache lines per level (table_levels.h), nothing ever moves, a removed key leaves nothing behind,
 * and three quarters of the slots can be taken before pairs of buckets are full.  No lock: see recorder_layout.h for the steps.
 */
#ifndef SWANSONG_AGENT_SO_RECORDER_LIVE_TABLE_H
#define SWANSONG_AGENT_SO_RECORDER_LIVE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent_so/state.h"

#define LIVE_TABLE_BUCKET 8 /* slots */

/* Put a block in.  false: no room. */
bool live_table_add(uintptr_t address, const struct recorder_live *record);

/* Take it out; false: it is not there. */
bool live_table_remove(uintptr_t address, struct recorder_live *ret);

/* A block's record, without taking it out. */
bool live_table_get(uintptr_t address, struct recorder_live *ret);

/* Double the mean and drop, at random, what would not have been sampled with it: the sums stay unbiased.  Does nothing
 * while another thread is at it. */
void live_table_coarser(void);

/* Take everything out. */
void live_table_forget(void);

/* Is it time to make it coarser?  (11/16 of all slots; at 3/4 no level takes one more.) */
static inline bool live_table_crowded(void)
{
        return __atomic_load_n(&agent.header->counters.live_samples, __ATOMIC_RELAXED) >
               (uint64_t)agent.live_buckets * LIVE_TABLE_BUCKET * 11 / 16;
}

#endif
