/* SPDX-License-Identifier: MIT */
/* check - a question to a report that is answered by yes or no: for CI.
 *
 *   leak=1M     is more than that still held, for certain?
 *   growth=10M  has it grown by more than that, from its RSS in the first sample to that at the end? */
#ifndef SWANSONG_RENDER_CHECK_H
#define SWANSONG_RENDER_CHECK_H

#include "analysis/report.h"
#include "base/diag.h"

#define CHECKS_MAX 8

struct check {
        const struct check_type *type;
        const char *given; /* the user's words */
        uint64_t bytes;
};

struct checks {
        struct check list[CHECKS_MAX];
        unsigned n;
};

/* Add what the user gave.  0, or -EINVAL with d filled. */
int checks_parse(struct checks *c, const char *text, struct diag *d);

/* 0: passed; 1: failed, d says by what; -ENODATA: the report does not tell, d says why. */
int check_run(const struct check *c, const struct report *r, struct diag *d);

#endif
