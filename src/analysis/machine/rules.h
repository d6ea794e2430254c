/* SPDX-License-Identifier: MIT */
/* machine_rules - what to say of the machine's memory: one row for each cause, as in verdict_rules.c.
 *
 * Judged is what cannot be dropped (machine_where.h): half of it in one place makes a cause likely, three quarters
 * certain.  Commitment and fragmentation come first: there memory is refused though it is free.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_RULES_H
#define SWANSONG_ANALYSIS_MACHINE_RULES_H

#include "analysis/machine/where.h"
#include "analysis/verdict/verdict.h"

struct machine_facts {
        const struct report_system *s;
        struct machine_sums sums;
        uint64_t mem_total; /* REPORT_UNKNOWN */
};

struct machine_rule {
        const char *cause;
        void (*judge)(const struct machine_facts *f, struct finding *ret);
};

extern const struct machine_rule machine_rules[];
extern const size_t n_machine_rules;

#endif
