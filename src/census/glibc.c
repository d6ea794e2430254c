/* SPDX-License-Identifier: MIT */
#include "census/glibc.h"

#include <string.h>

#include "base/cleanup.h"

#define BINS          127
#define BINS_EMPTY    32 /* at least so many of them: most stand for sizes that no program uses */
#define WORD          8
#define ADDRESS_MIN   UINT64_C(65536)
#define ADDRESS_MAX   (UINT64_C(1) << 56)
#define MMAPS_MAX_TOP (UINT64_C(1) << 31)

/* glibc 2.27 added have_fastchunks, 2.23 attached_threads. */
const struct glibc_layout glibc_layouts[] = {
        {"2.27 or later", .fastbins = 2, .top = 12, .bins = 14, .next = 270, .system_mem = 273, .words = 275,
         .tcache = true},
        {"2.23 to 2.26", .fastbins = 1, .top = 11, .bins = 13, .next = 269, .system_mem = 272, .words = 274,
         .tcache = true},
        {"2.17 to 2.22", .fastbins = 1, .top = 11, .bins = 13, .next = 269, .system_mem = 271, .words = 273,
         .tcache = false},
};
const size_t n_glibc_layouts = ARRAY_SIZE(glibc_layouts);

static bool is_block(uint64_t address)
{
        return address >= ADDRESS_MIN && address < ADDRESS_MAX && address % 16 == 0;
}

/* Each list is empty and points to its own head (two words before the links), or to blocks. */
static bool bins_verify(const uint64_t *bins, uint64_t address)
{
        unsigned empty = 0;

        for (unsigned i = 0; i < BINS; i++) {
                uint64_t head = address + (uint64_t)i * 2 * WORD - 2 * WORD, first = bins[2 * i],
                         last = bins[2 * i + 1];

                if (first == head && last == head)
                        empty++;
                else if (!is_block(first) || !is_block(last))
                        return false;
        }
        return empty >= BINS_EMPTY;
}

bool glibc_arena_parse(const struct glibc_layout *layout, const uint64_t *words, uint64_t address,
                       struct glibc_arena *ret)
{
        struct glibc_arena a = {
                .address = address,
                .top = words[layout->top],
                .next = words[layout->next],
                .system_mem = words[layout->system_mem],
                .max_system_mem = words[layout->system_mem + 1],
        };

        if (!bins_verify(words + layout->bins, address + (uint64_t)layout->bins * WORD))
                return false;
        if (a.next % WORD != 0 || a.next < ADDRESS_MIN || a.next >= ADDRESS_MAX || !is_block(a.top))
                return false;
        if (a.system_mem == 0 || a.system_mem > a.max_system_mem || a.max_system_mem >= ADDRESS_MAX)
                return false;
        for (unsigned i = 0; i < GLIBC_FASTBINS; i++) {
                a.fastbins[i] = words[layout->fastbins + i];
                if (a.fastbins[i] && !is_block(a.fastbins[i]))
                        return false;
        }
        *ret = a;
        return true;
}

/* The next arena lies at the head of a heap, unless there is none but the main one. */
static bool next_verifies(const struct glibc_arena *a)
{
        uint64_t in_heap = a->next % GLIBC_HEAP_MAX;

        return a->next == a->address || (in_heap >= 4 * WORD && in_heap <= 16 * WORD);
}

const struct glibc_layout *glibc_find_arena(const uint64_t *words, size_t n, uint64_t address,
                                            struct glibc_arena *ret)
{
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < n_glibc_layouts; k++) {
                        const struct glibc_layout *layout = &glibc_layouts[k];
                        struct glibc_arena a;

                        if (n - i >= layout->words &&
                            glibc_arena_parse(layout, words + i, address + i * WORD, &a) &&
                            next_verifies(&a)) {
                                *ret = a;
                                return layout;
                        }
                }
        }
        return NULL;
}

/* The counters of mapped blocks end before word i: the first word behind is max_total_mem (2.17 to 2.23) or sbrk_base. */
static bool counters_verify(const uint64_t *end, bool since_2_35, struct glibc_totals *ret)
{
        uint64_t bytes = end[-2], bytes_max = end[-1], blocks, blocks_limit, blocks_max, fixed;

        if (since_2_35) { /* hp_flags n_mmaps | n_mmaps_max max_n_mmaps | no_dyn_threshold - */
                blocks = end[-5] >> 32;
                blocks_limit = end[-4] & UINT32_MAX;
                blocks_max = end[-4] >> 32;
                fixed = end[-3] & UINT32_MAX;
        } else { /* n_mmaps n_mmaps_max | max_n_mmaps no_dyn_threshold */
                blocks = end[-4] & UINT32_MAX;
                blocks_limit = end[-4] >> 32;
                blocks_max = end[-3] & UINT32_MAX;
                fixed = end[-3] >> 32;
        }
        if (blocks > blocks_max || blocks_max > blocks_limit || blocks_limit >= MMAPS_MAX_TOP || fixed > 1)
                return false;
        if (bytes > bytes_max || bytes_max >= ADDRESS_MAX || bytes % 4096 != 0 ||
            (blocks == 0) != (bytes == 0) || (blocks_max == 0) != (bytes_max == 0))
                return false;
        ret->mmapped_bytes = bytes;
        ret->mmapped_blocks = blocks;
        return true;
}

bool glibc_find_totals(const uint64_t *words, size_t n, uint64_t heap_start, uint64_t heap_end,
                       struct glibc_totals *ret)
{
        for (size_t i = 6; i < n; i++) {
                struct glibc_totals t = {.sbrk_base = words[i]};

                if (words[i] < heap_start || words[i] >= heap_end || words[i] % 16 != 0)
                        continue;
                if (counters_verify(words + i, true, &t) || counters_verify(words + i, false, &t) ||
                    counters_verify(words + i - 1, false, &t)) {
                        *ret = t;
                        return true;
                }
        }
        return false;
}
