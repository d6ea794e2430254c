/* SPDX-License-Identifier: MIT */
/* limits - the soft limits of /proc/PID/limits that can make an allocation fail.
 *
 *   Limit                     Soft Limit           Hard Limit           Units
 *   Max data size             unlimited            unlimited            bytes
 *   Max address space         8589934592           unlimited            bytes
 * Works on bytes.  Trap: names hold blanks; the values stand behind a known name, not in the third word.
 */
#ifndef SWANSONG_ANALYSIS_LIMITS_H
#define SWANSONG_ANALYSIS_LIMITS_H

#include "analysis/report.h"

struct limits {
        uint64_t address_space, data; /* bytes; REPORT_UNKNOWN: unlimited, or not there */
};

void limits_parse(const char *text, size_t len, struct limits *ret);

#endif
