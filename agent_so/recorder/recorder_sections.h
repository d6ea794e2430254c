/* SPDX-License-Identifier: MIT */
/* recorder_sections - how a recorder of a given size is divided. */
#ifndef SWANSONG_AGENT_SO_RECORDER_RECORDER_SECTIONS_H
#define SWANSONG_AGENT_SO_RECORDER_RECORDER_SECTIONS_H

#include <stdint.h>

#include "base/recorder/recorder_layout.h"

#define RECORDER_SIZE_MIN (1 << 20) /* bytes: what the fixed parts need, and some of the rest */

/* The size for a mean that nobody gave a size for.  Mostly holes: what is not used takes no memory. */
uint64_t recorder_size_default(uint64_t mean);

/* Fill h->section[] and h->file_size for at most `size` bytes (>= RECORDER_SIZE_MIN). */
void recorder_sections(uint64_t size, struct recorder_header *h);

#endif
