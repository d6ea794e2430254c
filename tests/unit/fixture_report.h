/* SPDX-License-Identifier: MIT */
/* fixture_report - reports made by hand, so that the renderers are tested apart from the analysis. */
#ifndef SWANSONG_TESTS_FIXTURE_REPORT_H
#define SWANSONG_TESTS_FIXTURE_REPORT_H

#include "analysis/report.h"

/* A server that leaks towards its group's limit; nothing is unknown but what no dump knows. */
struct report fixture_leak(void);

/* The same killed by the kernel, whose log is there; the allocation that found no memory was another's. */
struct report fixture_killed(void);

/* The leak, in a program that ran under the agent. */
struct report fixture_recorded(void);

/* A bundle with next to nothing in it: every number unknown, every string NULL. */
struct report fixture_unknown(void);

/* The same as the leak, with every string that a target can choose chosen to do harm. */
struct report fixture_hostile(void);

/* n threads, mappings, sockets, descriptors, slabs and missing sections, 4 n history samples. Ends with pool_free(). */
struct report fixture_large(size_t n);

#endif
