/* SPDX-License-Identifier: MIT */
/* stack_table - stacks of the recorder: one entry per different stack, with the sums of its samples.
 *
 * Open addressing without deletion.  Two threads that bring the same new stack at the same instant may make two entries:
 * readers add up what has equal frames.
 */
#ifndef SWANSONG_AGENT_SO_RECORDER_STACK_TABLE_H
#define SWANSONG_AGENT_SO_RECORDER_STACK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/recorder/recorder_layout.h"

/* The entry of this stack, made at need; 0 when there is no room. */
uint32_t stack_table_find(const uint64_t *frames, unsigned n, enum recorder_stack_kind kind, bool cut);

/* A block of this stack came (sign 1) or went (-1). */
void stack_table_count(uint32_t stack, uint64_t size, uint64_t weight, int sign);

/* Another weight for a block that stays. */
void stack_table_reweigh(uint32_t stack, uint64_t size, uint64_t old_weight, uint64_t weight);

/* The estimate of all that is alive, bytes. */
uint64_t stack_table_live_bytes(void);

/* No new sample joins a stack with an address in [start, end). */
void stack_table_retire(uint64_t start, uint64_t end);

#endif
