/* SPDX-License-Identifier: MIT */
#include "agent_so/recorder/recorder_sections.h"

#include <stddef.h>

#define THREADS      2048
#define MODULES      1024
#define TEXT_BYTES   (64 << 10)
#define MALLOC_ROWS  129 /* the whole and 128 arenas: glibc has 8 per CPU */
#define NOTES        32
#define HISTORY_RING 96 /* per level: 96 s, 16 min, 3 h, 2 days */

uint64_t recorder_size_default(uint64_t mean)
{
        if (mean == 1)
                return 256 << 20; /* 3 million blocks alive */
        if (mean < 32 << 10)
                return 64 << 20;
        return mean < 256 << 10 ? 16 << 20 : 4 << 20; /* 65,536 samples at 512 KiB: 32 GiB alive */
}

static uint64_t power_of_two_within(uint64_t n)
{
        return n < 2 ? 1 : UINT64_C(1) << (63 - __builtin_clzll(n));
}

void recorder_sections(uint64_t size, struct recorder_header *h)
{
        static const struct {
                uint64_t count;
                uint32_t entry_size;
        } fixed[RECORDER_N_SECTIONS] = {
                [RECORDER_MODULES] = {MODULES, sizeof(struct recorder_module)},
                [RECORDER_TEXT] = {TEXT_BYTES, 1},
                [RECORDER_MALLOC] = {MALLOC_ROWS, sizeof(struct recorder_malloc)},
                [RECORDER_HISTORY] = {RECORDER_LEVELS * HISTORY_RING, sizeof(struct recorder_sample)},
                [RECORDER_NOTES] = {NOTES, sizeof(struct recorder_note)},
                [RECORDER_THREADS] = {THREADS, sizeof(struct recorder_thread)},
        };
        uint64_t slots, stacks, at = RECORDER_HEADER_SPACE;

        /* Half for the live table, a quarter for the stacks, as much for their frames: 16 per stack. */
        slots = power_of_two_within(size / 2 / (sizeof(uint64_t) + sizeof(struct recorder_live)));
        stacks = power_of_two_within(size / 4 / sizeof(struct recorder_stack));
        if (stacks > 1 << 17)
                stacks = 1 << 17;
        h->n_sections = RECORDER_N_SECTIONS;
        for (int i = 0; i < RECORDER_N_SECTIONS; i++) {
                struct recorder_section *s = &h->section[i];

                *s = (struct recorder_section){.count = fixed[i].count, .entry_size = fixed[i].entry_size};
                if (i == RECORDER_LIVE_KEYS)
                        *s = (struct recorder_section){.count = slots, .entry_size = sizeof(uint64_t)};
                else if (i == RECORDER_LIVE_RECORDS)
                        *s = (struct recorder_section){.count = slots,
                                                       .entry_size = sizeof(struct recorder_live)};
                else if (i == RECORDER_STACKS)
                        *s = (struct recorder_section){.count = stacks,
                                                       .entry_size = sizeof(struct recorder_stack)};
                else if (i == RECORDER_FRAMES)
                        *s = (struct recorder_section){.count = stacks * 16, .entry_size = sizeof(uint64_t)};
                s->offset = at;
                at = (at + s->count * s->entry_size + 4095) & ~UINT64_C(4095);
        }
        h->file_size = at;
}
