/* SPDX-License-Identifier: MIT */
/* fixture_recorder - recorders made by hand, entry by entry, in memory that the test owns. */
#ifndef SWANSONG_TESTS_FIXTURE_RECORDER_H
#define SWANSONG_TESTS_FIXTURE_RECORDER_H

#include <stddef.h>

#include "base/recorder/recorder_layout.h"

#define FIXTURE_BEGAN_NS UINT64_C(1000000000000) /* CLOCK_MONOTONIC when it began to record */
#define FIXTURE_REAL_NS  UINT64_C(1763700000000000000)

struct fixture_recorder {
        struct recorder_header *head;
        unsigned char *data; /* head and sections; free()d by the test */
        size_t len;
};

/* An empty recorder with room for `live` blocks and stacks, 10 s old, of a process that is not there any more. */
struct fixture_recorder fixture_recorder(size_t live, size_t stacks);

/* A stack of these addresses, innermost first; its index. */
uint32_t fixture_stack(struct fixture_recorder *f, const uint64_t *frames, unsigned n);
struct recorder_stack *fixture_stack_entry(struct fixture_recorder *f, uint32_t stack);

/* A live block of the stack. `age_s`: how long before the last sign of life it was allocated. */
void fixture_block(struct fixture_recorder *f, uint32_t stack, uint64_t size, double weight, double age_s);

/* A module over [start, end), whose path and build ID are those of this very program, or another path. */
void fixture_module(struct fixture_recorder *f, uint64_t start, uint64_t end, const char *path,
                    uint32_t loaded, uint32_t unloaded);

/* Entry i of a section. */
void *fixture_entry(struct fixture_recorder *f, enum recorder_section_id section, size_t i);

void fixture_note(struct fixture_recorder *f, const char *text);
void fixture_sample(struct fixture_recorder *f, unsigned level, double age_s, uint64_t rss);

#endif
