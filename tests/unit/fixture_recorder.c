/* SPDX-License-Identifier: MIT */
#include "fixture_recorder.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LAST_NS (FIXTURE_BEGAN_NS + 10 * NS_PER_S)

struct fixture_recorder fixture_recorder(size_t live, size_t stacks)
{
        const struct {
                size_t count, size;
        } sections[RECORDER_N_SECTIONS] = {
                [RECORDER_LIVE_KEYS] = {live, sizeof(uint64_t)},
                [RECORDER_LIVE_RECORDS] = {live, sizeof(struct recorder_live)},
                [RECORDER_STACKS] = {stacks + 1, sizeof(struct recorder_stack)},
                [RECORDER_FRAMES] = {8 * stacks + 8, sizeof(uint64_t)},
                [RECORDER_MODULES] = {8, sizeof(struct recorder_module)},
                [RECORDER_TEXT] = {1024, 1},
                [RECORDER_MALLOC] = {4, sizeof(struct recorder_malloc)},
                [RECORDER_HISTORY] = {4 * RECORDER_LEVELS, sizeof(struct recorder_sample)},
                [RECORDER_NOTES] = {4, sizeof(struct recorder_note)},
                [RECORDER_THREADS] = {4, sizeof(struct recorder_thread)},
        };
        struct fixture_recorder f = {.len = RECORDER_HEADER_SPACE};
        struct recorder_stack *none;
        struct recorder_header h = {.version = RECORDER_VERSION,
                                    .header_size = sizeof(h),
                                    .machine = EM_X86_64,
                                    .n_sections = RECORDER_N_SECTIONS,
                                    .page_size = 4096,
                                    .pid = 4711,
                                    .uid = 1000,
                                    .start_ticks = 987654,
                                    .began_monotonic_ns = FIXTURE_BEGAN_NS,
                                    .began_realtime_ns = FIXTURE_REAL_NS,
                                    .mean_asked = 524288,
                                    .exe = "/opt/shop/bin/orders",
                                    .allocator = "glibc",
                                    .state = RECORDER_RUNNING,
                                    .mean = 524288,
                                    .updated_ns = LAST_NS,
                                    .module_generation = 1,
                                    .counters = {.stacks = 1, .malloc_rows = 1}};

        memcpy(h.magic, RECORDER_MAGIC, sizeof(h.magic));
        strcpy(h.boot_id, "00000000-0000-0000-0000-000000000000");
        for (unsigned i = 0; i < RECORDER_N_SECTIONS; i++) {
                h.section[i] = (struct recorder_section){.offset = f.len,
                                                         .count = sections[i].count,
                                                         .entry_size = (uint32_t)sections[i].size};
                f.len += (sections[i].count * sections[i].size + 63) / 64 * 64;
        }
        h.file_size = f.len;
        f.data = calloc(1, f.len);
        cr_assert_not_null(f.data);
        memcpy(f.data, &h, sizeof(h));
        f.head = (struct recorder_header *)f.data;
        none = fixture_stack_entry(&f, 0);
        none->hash = 2;
        none->kind = RECORDER_STACK_HEAP;
        return f;
}

void *fixture_entry(struct fixture_recorder *f, enum recorder_section_id section, size_t i)
{
        const struct recorder_section *s = &f->head->section[section];

        cr_assert_lt(i, s->count);
        return f->data + s->offset + i * s->entry_size;
}

struct recorder_stack *fixture_stack_entry(struct fixture_recorder *f, uint32_t stack)
{
        return fixture_entry(f, RECORDER_STACKS, stack);
}

uint32_t fixture_stack(struct fixture_recorder *f, const uint64_t *frames, unsigned n)
{
        uint32_t index = (uint32_t)f->head->counters.stacks++;
        struct recorder_stack *s = fixture_stack_entry(f, index);

        *s = (struct recorder_stack){.hash = 1000 + index,
                                     .first_frame = (uint32_t)f->head->counters.frames,
                                     .n_frames = (uint16_t)n,
                                     .kind = RECORDER_STACK_HEAP,
                                     .generation = 1,
                                     .first_growth_ns = FIXTURE_BEGAN_NS,
                                     .last_growth_ns = LAST_NS,
                                     .last_sample_ns = LAST_NS};
        for (unsigned i = 0; i < n; i++)
                *(uint64_t *)fixture_entry(f, RECORDER_FRAMES, f->head->counters.frames++) = frames[i];
        return index;
}

void fixture_block(struct fixture_recorder *f, uint32_t stack, uint64_t size, double weight, double age_s)
{
        size_t i = f->head->counters.live_samples++;
        struct recorder_live *l = fixture_entry(f, RECORDER_LIVE_RECORDS, i);
        struct recorder_stack *s = fixture_stack_entry(f, stack);

        *(uint64_t *)fixture_entry(f, RECORDER_LIVE_KEYS, i) = 0x10000 + 16 * i;
        *l = (struct recorder_live){.size = size,
                                    .weight = (uint64_t)(weight * RECORDER_WEIGHT_ONE),
                                    .stack = stack,
                                    .time = (uint32_t)((10 - age_s) * 10)};
        s->allocated_bytes += (uint64_t)((double)size * weight);
        s->allocated_objects += l->weight;
        s->allocated_raw++;
        s->peak_bytes += (int64_t)((double)size * weight);
}

void fixture_module(struct fixture_recorder *f, uint64_t start, uint64_t end, const char *path,
                    uint32_t loaded, uint32_t unloaded)
{
        size_t n = strlen(path);
        struct recorder_module *m = fixture_entry(f, RECORDER_MODULES, f->head->counters.modules++);

        *m = (struct recorder_module){.sequence = 2,
                                      .start = start,
                                      .end = end,
                                      .bias = start,
                                      .loaded_generation = loaded,
                                      .unloaded_generation = unloaded,
                                      .path = (uint32_t)f->head->counters.text,
                                      .path_length = (uint32_t)n,
                                      .build_id_length = 4,
                                      .build_id = {0xab, 0xcd, 0xef, 0x01}};
        cr_assert_leq(f->head->counters.text + n, f->head->section[RECORDER_TEXT].count);
        memcpy(f->data + f->head->section[RECORDER_TEXT].offset + m->path, path, n);
        f->head->counters.text += n;
}

void fixture_note(struct fixture_recorder *f, const char *text)
{
        struct recorder_note *n = fixture_entry(
                f, RECORDER_NOTES, f->head->counters.notes++ % f->head->section[RECORDER_NOTES].count);

        *n = (struct recorder_note){
                .sequence = 2, .time_ns = LAST_NS, .tid = 4711, .length = (uint32_t)strlen(text)};
        memcpy(n->text, text, n->length);
}

void fixture_sample(struct fixture_recorder *f, unsigned level, double age_s, uint64_t rss)
{
        size_t ring = f->head->section[RECORDER_HISTORY].count / RECORDER_LEVELS;
        struct recorder_sample *s =
                fixture_entry(f, RECORDER_HISTORY, level * ring + f->head->counters.history[level]++ % ring);

        *s = (struct recorder_sample){.sequence = 2,
                                      .time_ns = LAST_NS - (uint64_t)(age_s * (double)NS_PER_S),
                                      .rss = rss,
                                      .anon = rss,
                                      .file = 0,
                                      .shmem = 0,
                                      .swap = UINT64_MAX,
                                      .live = rss};
}
