/* SPDX-License-Identifier: MIT */
/* mapping_index - which recorded mappings overlap a range?  munmap() may take any part of any of them.
 *
 * A sorted array beside the live table, under a lock of its own: mapping is a system call anyway, and nothing of the
 * program's runs under it.  In a signal handler that interrupts its owner it cannot be had: agent_enter() keeps such a call
 * away from here.
 */
#ifndef SWANSONG_AGENT_SO_INTERPOSE_MAPPING_INDEX_H
#define SWANSONG_AGENT_SO_INTERPOSE_MAPPING_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct mapping {
        uintptr_t start, end;
};

/* Wipe it in the child of a fork. */
bool mapping_index_init(void);
void mapping_index_reset(void);

bool mapping_index_empty(void);

/* false: not had for a long time; leave things as they are. */
bool mapping_index_lock(void);
void mapping_index_unlock(void);

/* All of these under the lock. */
bool mapping_index_add(uintptr_t start, uintptr_t end); /* false: full, or there is one of this start */
void mapping_index_remove(uintptr_t start);
void mapping_index_clear(void);
bool mapping_index_overlap(uintptr_t start, uintptr_t end, struct mapping *ret);

#endif
