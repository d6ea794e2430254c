/* SPDX-License-Identifier: MIT */
/* swaps - where memory is swapped to: /proc/swaps, and zram's own figures.
 *
 *   Filename        Type            Size      Used   Priority
 *   /dev/zram0      partition       8388604   52736  100           KiB; blanks and newlines in the name are \040, \012
 *   51200000 12000000 13000000 0 13100000 …                         mm_stat: bytes stored, compressed, in memory
 * Works on bytes.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_SWAPS_H
#define SWANSONG_ANALYSIS_MACHINE_SWAPS_H

#include "analysis/report.h"

/* 0 or -ENOMEM. */
int swaps_parse(const char *text, size_t len, struct pool *pool, struct report_swap **ret, size_t *ret_n);

/* The figures of /sys/block/zramN/mm_stat; false when it is none. */
bool zram_parse(const char *text, size_t len, uint64_t *ret_stored, uint64_t *ret_memory);

#endif
