/* SPDX-License-Identifier: MIT */
/* table_levels - a big hash table that begins small.
 *
 * A hash scatters its entries over the whole table, and each would take a page of the recorder.  So the table is used in
 * levels: the first has SMALLEST slots, each further one as many as all before it.  A level is begun when those before are
 * three quarters full; a look-up goes through the levels that are in use.  Nothing is ever moved.
 *
 *     slots   0 ........ S ........ 2S .................. 4S
 *     level   |    0     |    1     |         2           | ...
 */
#ifndef SWANSONG_AGENT_SO_RECORDER_TABLE_LEVELS_H
#define SWANSONG_AGENT_SO_RECORDER_TABLE_LEVELS_H

#include <stdint.h>

static inline uint32_t level_first(uint32_t smallest, uint32_t level)
{
        return level ? smallest << (level - 1) : 0;
}

/* A power of two. */
static inline uint32_t level_size(uint32_t smallest, uint32_t level)
{
        return level ? smallest << (level - 1) : smallest;
}

static inline uint32_t level_of(uint32_t smallest, uint32_t index)
{
        return index < smallest ? 0 : 32 - (uint32_t)__builtin_clz(index / smallest);
}

/* Does the level lie within a table of n slots? */
static inline int level_exists(uint32_t smallest, uint32_t level, uint32_t n)
{
        return level < 24 && (uint64_t)level_first(smallest, level) + level_size(smallest, level) <= n;
}

/* Readers are to look into `level` from now on. */
static inline void level_begin(uint32_t *levels, uint32_t level)
{
        uint32_t now = __atomic_load_n(levels, __ATOMIC_RELAXED);

        while (now <= level &&
               !__atomic_compare_exchange_n(levels, &now, level + 1, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                ;
}

#endif
