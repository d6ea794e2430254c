/* SPDX-License-Identifier: MIT */
/* fixture_system - the machine's part of the reports in fixture_report.c and fixture_hostile.c. */
#ifndef SWANSONG_TESTS_FIXTURE_SYSTEM_H
#define SWANSONG_TESTS_FIXTURE_SYSTEM_H

#include "analysis/report.h"

/* Every list has something in it. */
struct report_system fixture_system(const struct report_key_value *meminfo, size_t n_meminfo,
                                    const struct report_slab *slabs, size_t n_slabs);

/* Every text is `evil`, every number as large as it can be, or unknown. */
struct report_system fixture_system_hostile(const char *evil);

/* A report with nothing in it but the machine. */
struct report fixture_machine(void);

#endif
