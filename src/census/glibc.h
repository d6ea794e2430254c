/* SPDX-License-Identifier: MIT */
/* glibc - the shape of glibc's heaps (malloc/malloc.c and malloc/arena.c, 2.17 to 2.41, 64 bit), found from outside.
 *
 * No symbols are needed: an arena's 127 lists of free blocks point to themselves while they are empty, which nothing else in
 * libc's data does; its `next` leads to the other arenas and back.  What does not verify is refused with a reason.
 *
 *   malloc_state  { mutex flags [have_fastchunks] fastbinsY[10] top last_remainder bins[254] binmap[4] next next_free
 *                   [attached_threads] system_mem max_system_mem }
 *   malloc_par    { ... n_mmaps n_mmaps_max | max_n_mmaps no_dyn_threshold | mmapped_mem | max_mmapped_mem | ... sbrk_base }
 *   heap_info     { ar_ptr prev size mprotect_size ... }   at a multiple of 64 MiB
 *   chunk         { prev_size, size | NON_MAIN_ARENA 4 | IS_MMAPPED 2 | PREV_INUSE 1, memory ... }
 */
#ifndef SWANSONG_CENSUS_GLIBC_H
#define SWANSONG_CENSUS_GLIBC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLIBC_FASTBINS 10
#define GLIBC_HEAP_MAX (UINT64_C(64) << 20)

#define CHUNK_PREV_INUSE UINT64_C(1)
#define CHUNK_MMAPPED    UINT64_C(2)
#define CHUNK_NON_MAIN   UINT64_C(4)
#define CHUNK_FLAGS      UINT64_C(7)
#define CHUNK_MIN        32
#define CHUNK_HEADER     16 /* before the program's bytes; the last 8 of these lie in the next chunk's header */
#define CHUNK_OVERHEAD   8

/* Where the fields are, in words of 8 bytes; one for each generation. */
struct glibc_layout {
        const char *versions;
        uint16_t fastbins, top, bins, next, system_mem, words;
        bool tcache; /* possible */
};

struct glibc_arena {
        uint64_t address, top, next, system_mem, max_system_mem; /* bytes */
        uint64_t fastbins[GLIBC_FASTBINS];
};

/* malloc_par's. */
struct glibc_totals {
        uint64_t sbrk_base, mmapped_bytes, mmapped_blocks;
};

/* Look for main_arena in the words that were copied from `address`.  Returns the layout, or NULL when there is none. */
const struct glibc_layout *glibc_find_arena(const uint64_t *words, size_t n, uint64_t address,
                                            struct glibc_arena *ret);

/* An arena from its words, n = layout->words.  False: it does not verify. */
bool glibc_arena_parse(const struct glibc_layout *layout, const uint64_t *words, uint64_t address,
                       struct glibc_arena *ret);

/* malloc_par, by the begin of the main heap, which lies in [heap_start, heap_end). */
bool glibc_find_totals(const uint64_t *words, size_t n, uint64_t heap_start, uint64_t heap_end,
                       struct glibc_totals *ret);

/* The layouts, for tests. */
extern const struct glibc_layout glibc_layouts[];
extern const size_t n_glibc_layouts;

#endif
