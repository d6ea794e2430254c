/* SPDX-License-Identifier: MIT */
/* manifest - manifest.json of docs/bundle.md: the host, the reason, the target's identity, how each section
 * went.
 *
 * Works on bytes.  Nothing in it is believed further than a report goes: every key may be missing or of
 * another type and is then unknown; what the /proc files say themselves is taken from there.
 */
#ifndef SWANSONG_ANALYSIS_MANIFEST_H
#define SWANSONG_ANALYSIS_MANIFEST_H

#include "analysis/report.h"
#include "base/diag.h"

#define MANIFEST_MAX (32u << 20) /* bytes; 10,000 sections are 2 MB */

struct manifest_section {
        const char *path;   /* with a '*' where it stands for many files */
        const char *status; /* ok, missing, cut, target-died; NULL unknown */
        const char *reason; /* NULL: see err */
        uint64_t err;       /* errno */
        bool optional;
        uint64_t bytes;
};

struct manifest {
        uint64_t format;
        bool complete;
        const char *version, *hostname, *kernel, *machine;
        uint64_t page_size, clock_ticks, boot_time_ns, time_ns, monotonic_ns;
        const char *trigger_kind, *trigger_sentence, *trigger_guarantee;
        double ms_before_kill; /* NaN */
        bool no_target;        /* it says so: the bundle is about the machine alone */
        uint64_t pid, ppid, start_ticks, uid;
        const char *comm, *exe, *build_id, *state, *condition;
        bool exe_deleted;
        const struct report_ns *namespaces;
        size_t n_namespaces;
        uint64_t pause_ns;
        uint64_t threads_listed, threads_stopped;
        const struct manifest_section *sections;
        size_t n_sections;
};

/* A manifest that says nothing: what the analysis works with when it is lost. */
extern const struct manifest manifest_unknown;

/* 0; -EINVAL with d filled (no JSON, not an object, a later format); -ENOMEM. */
int manifest_parse(const char *text, size_t len, struct pool *pool, struct manifest *ret, struct diag *d);

/* Does the manifest say that this section is whole? */
bool manifest_section_ok(const struct manifest *m, const char *path);

/* Is the bundle whole and never had this section?  `dump --only`, or made by a version that does not take it. */
bool manifest_left_out(const struct manifest *m, const char *path);

/* What is said then. */
#define MANIFEST_LEFT_OUT "was not taken (dump --only)"

#endif
