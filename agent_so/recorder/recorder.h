/* SPDX-License-Identifier: MIT */
/* recorder - makes the recorder's file, hands out its sections, removes it at the end. */
#ifndef SWANSONG_AGENT_SO_RECORDER_RECORDER_H
#define SWANSONG_AGENT_SO_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_so/state.h"

/* Make the recorder of this process and fill `agent`.  0; -errno and why in words: no directory, no room, a limit. */
int recorder_create(const char **ret_why);

/* 0, or -errno: why it is not in the directory of the options, but in the default one. */
int recorder_dir_error(void);

/* The first entry of a section. */
static inline void *recorder_entries(enum recorder_section_id id)
{
        return agent.map + agent.header->section[id].offset;
}

/* Make sure that the bytes from p on may be touched: takes their pages from the file system.  false: it is full, or
 * the memory group is (then nothing was touched, and the recorder stays as it is). */
bool recorder_reserve_slow(const void *p, size_t n);

/* Take pages ahead, some MiB where the tables fill first: there will be no later. */
void recorder_reserve_ahead(void);

static inline uint64_t recorder_chunk_of(const void *p)
{
        return (uint64_t)((const uint8_t *)p - agent.map) >> agent.chunk_shift;
}

static inline bool recorder_is_reserved(const void *p)
{
        uint64_t chunk = recorder_chunk_of(p);

        return __atomic_load_n(&agent_reserved[chunk / 64], __ATOMIC_RELAXED) >> (chunk % 64) & 1 ||
               agent.all_there;
}

static inline bool recorder_reserve(const void *p, size_t n)
{
        return likely(recorder_is_reserved(p) && recorder_is_reserved((const uint8_t *)p + n - 1)) ||
               recorder_reserve_slow(p, n);
}

/* The same for what lies on a multiple of its size, a power of two up to a page: never in two chunks. */
static inline bool recorder_reserve_one(const void *p, size_t n)
{
        return likely(recorder_is_reserved(p)) || recorder_reserve_slow(p, n);
}

/* The program ends by itself: remove the file, or with `keep` mark it.  Only the process that made it. */
void recorder_finish(int exit_status);

#endif
