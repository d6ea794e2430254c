/* SPDX-License-Identifier: MIT */
/* trigger - the conditions on which a dump is taken: one row in triggers.def, one file NAME.c each.
 *
 * A condition parses its argument, turns it into a level of bytes for a given process, says how far a sample
 * is from it, and explains itself in the sentence at the top of the report.  It does no I/O and keeps no
 * state: what a process has done so far is in its observer.
 */
#ifndef SWANSONG_TRIGGER_TRIGGER_H
#define SWANSONG_TRIGGER_TRIGGER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/size.h"
#include "trigger/limit.h"
#include "trigger/machine.h"
#include "trigger/sample.h"

/* How many conditions one command line may give. */
#define TRIGGERS_MAX 16

/* The wholes that percentages are taken of. */
struct trigger_wholes {
        struct memory_limit limit;
        uint64_t mem_total, swap_total; /* bytes */
};

struct trigger_type;

/* One condition as the user gave it. */
struct trigger {
        const struct trigger_type *type;
        struct size_spec size;
        char given[24]; /* the argument's text */
};

struct trigger_type {
        const char *kind, *option, *argument, *help;
        char letter;
        const struct trigger_ops *ops;
};

struct trigger_ops {
        bool arms;         /* it attends the process, and takes no dump; fires again without a cooldown */
        bool needs_rollup; /* the value comes from smaps_rollup: costly, see sampler.h */

        /* 0, or -EINVAL with d filled.  Fills t->size. */
        int (*parse)(struct trigger *t, const char *text, struct diag *d);

        /* The level in bytes, or UINT64_MAX when the condition cannot come true here. */
        uint64_t (*level)(const struct trigger *t, const struct trigger_wholes *w);

        /* What is compared with the level; SAMPLE_UNKNOWN: not measured. */
        uint64_t (*value)(const struct sample *s);

        /* Where the value ends at the latest. */
        uint64_t (*end)(const struct trigger_wholes *w);

        /* Why it fired: "RSS 1.81 GiB reached 90 % of the 2.00 GiB of memory group /a (--rss 90%)". */
        void (*explain)(const struct trigger *t, const struct sample *s, const struct trigger_wholes *w,
                        struct buf *out);
};

#define TRIGGER(name, option, letter, argument, help) extern const struct trigger_ops trigger_##name;
#include "trigger/triggers.def"
#undef TRIGGER

extern const struct trigger_type trigger_types[];
extern const size_t n_trigger_types;

/* Set t to the condition of that type with the argument `text`.  0, or -EINVAL with d filled. */
int trigger_parse(const struct trigger_type *type, const char *text, struct trigger *ret, struct diag *d);

/* The type of that kind ("rss"), or NULL. */
const struct trigger_type *trigger_type_find(const char *kind);

/* "rss 512 MiB", for the line at the start. */
void trigger_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out);

#endif
