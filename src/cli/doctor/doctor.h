/* SPDX-License-Identifier: MIT */
/* doctor - what would kill a process, what of it could be captured, and what is in the way.
 *
 * A table of checks (doctor.c); each adds findings, and leaves facts for the checks behind it.  Looks only: it attaches
 * to nothing, stops nothing, changes nothing.
 */
#ifndef SWANSONG_CLI_DOCTOR_DOCTOR_H
#define SWANSONG_CLI_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/build_id.h"
#include "base/memory_group.h"
#include "base/target.h"
#include "capture/capture_cost.h"

enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM };

struct doctor_finding {
        const char *check;
        enum finding_level level;
        char sentence[384]; /* raw bytes: comm and paths are in it */
        char advice[256];   /* a command or a deed; "" for none */
};

#define DOCTOR_FINDINGS_MAX 64

struct doctor_place {       /* among those that the kernel could kill for one cause */
        uint64_t place, of; /* 1: the first to be killed; 0: not among them */
};

struct doctor {
        const struct target *target;
        const char *check; /* the one that runs */
        struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
        size_t n;

        /* Facts, for the checks that follow and for JSON; numbers UINT64_MAX unknown. */
        bool ended; /* a zombie */
        uint64_t rss, limit, limit_used, swap_total;
        char limit_source[160];
        bool has_group;
        struct memory_group group;
        int oom_score, oom_score_adj; /* INT32_MIN unknown */
        struct doctor_place in_machine, in_group;
        bool may_attach, reads_log, has_agent;
        const char *allocator; /* NULL unknown */
        char exe[PATH_MAX], build_id[BUILD_ID_TEXT];
        bool has_cost;
        struct capture_cost cost;
        const char *guarantee; /* of docs/bundle.md; NULL: none */
};

struct doctor_check {
        const char *name;
        void (*run)(struct doctor *d);
};
extern const struct doctor_check doctor_checks[];
extern const size_t n_doctor_checks;

/* Run all checks. */
void doctor_examine(struct doctor *d, const struct target *t);

/* Add a finding of the check that runs; what does not fit is cut.  Returns it, never NULL: the last one is
 * replaced when there is no room. */
struct doctor_finding *doctor_say(struct doctor *d, enum finding_level level, const char *format, ...)
        _printf_(3, 4);

/* What to do about it. */
void doctor_advise(struct doctor_finding *f, const char *format, ...) _printf_(2, 3);

/* A number after `key` ("\nTracerPid:\t") in /proc/PID/status; UINT64_MAX if there is none. */
uint64_t doctor_status_number(const struct target *t, const char *key, unsigned base);

/* The checks (doctor_*.c). */
void doctor_limit(struct doctor *d);
void doctor_rlimits(struct doctor *d);
void doctor_killer(struct doctor *d);
void doctor_rank(struct doctor *d);
void doctor_cgroup(struct doctor *d);
void doctor_ptrace(struct doctor *d);
void doctor_watcher(struct doctor *d);
void doctor_allocator(struct doctor *d);
void doctor_inject(struct doctor *d);
void doctor_symbols(struct doctor *d);
void doctor_cost(struct doctor *d);
void doctor_guarantee(struct doctor *d);

/* Show it.  columns: of the terminal; 0: none, no line is broken. */
void doctor_print_text(const struct doctor *d, unsigned columns, struct buf *out);
void doctor_print_json(const struct doctor *d, struct buf *out);

#endif
