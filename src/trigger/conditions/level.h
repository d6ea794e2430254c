/* SPDX-License-Identifier: MIT */
/* level - what the conditions of the form "NOUN reaches SIZE" have in common. */
#ifndef SWANSONG_TRIGGER_CONDITIONS_LEVEL_H
#define SWANSONG_TRIGGER_CONDITIONS_LEVEL_H

#include "trigger/trigger.h"

/* Parse a size: 512M, 2G, 90%. */
int level_parse(struct trigger *t, const char *text, struct diag *d);

/* A number without its unit is a level of some bytes, which is always or never reached: -EINVAL with d filled, or 0. */
int level_check_unit(const struct trigger *t, const char *text, struct diag *d);

/* The size, a percentage being one of the effective memory limit. */
uint64_t level_of_limit(const struct trigger *t, const struct trigger_wholes *w);
uint64_t level_end_limit(const struct trigger_wholes *w);

/* "NOUN 1.81 GiB reached 90 % of the 2.00 GiB of WHOLE (--rss 90%)", "NOUN 513 MiB reached 512 MiB (--rss
 * 512M)". */
void level_explain(const struct trigger *t, const char *noun, uint64_t value, uint64_t whole,
                   const char *whole_name, struct buf *out);

/* The same of what falls: "available memory 1.10 GiB is down to 5 % of the 23.5 GiB of WHOLE (--available 5%)". */
void level_explain_fall(const struct trigger *t, const char *noun, uint64_t value, uint64_t whole,
                        const char *whole_name, struct buf *out);

/* What rises when `left` falls. */
static inline uint64_t level_in_use(uint64_t whole, uint64_t left)
{
        return whole > left ? whole - left : 0;
}

/* A trigger_ops.caveat: no group has a limit, or one could not be read, so that the machine's memory is used. */
void level_caveat_no_group_limit(const struct trigger *t, const struct limit_reader *l, struct buf *out);

#endif
