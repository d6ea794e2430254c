/* SPDX-License-Identifier: MIT */
/* machine_verdict - how much memory the machine has left, and what holds the rest: one sentence, and the evidence. */
#ifndef SWANSONG_ANALYSIS_MACHINE_VERDICT_H
#define SWANSONG_ANALYSIS_MACHINE_VERDICT_H

#include "analysis/machine/rules.h"

/* Fill r->system's verdict, cause, certainty and evidence; the rest of it is finished.  0 or -ENOMEM. */
int machine_verdict(const struct machine_facts *f, struct report *r);

#endif
