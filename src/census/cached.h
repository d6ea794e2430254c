/* SPDX-License-Identifier: MIT */
/* cached - blocks that are free but look as if they were in use: those in threads' caches (tcache) and in fast lists.
 *
 * Both are single lists through the blocks' own memory; since glibc 2.32 a link is stored as (its own address >> 12) XOR the
 * next block.  The program runs on and takes blocks from them meanwhile: a link that makes no sense ends its list.
 */
#ifndef SWANSONG_CENSUS_CACHED_H
#define SWANSONG_CENSUS_CACHED_H

#include "census/glibc.h"
#include "census/walk.h"

/* Take the blocks of the caches that the walk met out of the tally and into sums->cached. */
void cached_take_tcaches(struct walk *w, struct heap_sums *sums);

/* The same for an arena's fast lists: they count as free, as mallinfo(3) has it. */
void cached_take_fastbins(struct walk *w, const struct glibc_arena *arena, struct heap_sums *sums);

#endif
