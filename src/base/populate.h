/* SPDX-License-Identifier: MIT */
/* populate - have memory there before it is needed: later writes to it cause no page fault, and wait for nobody. */
#ifndef SWANSONG_BASE_POPULATE_H
#define SWANSONG_BASE_POPULATE_H

#include <stddef.h>

/* Private anonymous memory, `memory` at a page's beginning; what it holds stays. */
void memory_populate(void *memory, size_t bytes);

#endif
