/* SPDX-License-Identifier: MIT */
/* missing - what a report could not be based on, and why: one row per section, each with a sentence. */
#ifndef SWANSONG_ANALYSIS_MISSING_H
#define SWANSONG_ANALYSIS_MISSING_H

#include "analysis/manifest.h"
#include "analysis/report.h"
#include "base/cleanup.h"

/* More rows tell a reader nothing. */
#define MISSING_MAX 1000

struct missing {
        struct pool *pool;
        struct report_missing *list;
        size_t n, room;
        bool failed; /* memory was out */
};

/* Add a row; the first reason given for a section stands. */
void missing_add(struct missing *m, const char *section, bool optional, const char *format, ...)
        _printf_(4, 5);

/* What the manifest says is not whole, and what it says is whole but the bundle's directory does not hold. */
void missing_of_manifest(struct missing *m, const struct manifest *manifest, int bundle_fd);

#endif
