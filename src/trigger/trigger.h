/* SPDX-License-Identifier: MIT */
/* trigger - the conditions of a watch: one row in triggers.def, one file NAME.c each.
 *
 * Two kinds.  A level compares a number of bytes that rises with a level: what falls is turned round (of the
 * available memory, what is in use), a time to the limit becomes the usage that far ahead.  So one rule says how
 * long the watcher may sleep, and when it may fire again.  An event has a file that the kernel makes ready.
 *
 * A condition parses its argument and explains itself in the sentence at the top of the report.  It keeps no
 * state and, but for event_open, does no I/O: what a process has done so far is in its observer.
 */
#ifndef SWANSONG_TRIGGER_TRIGGER_H
#define SWANSONG_TRIGGER_TRIGGER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/size.h"
#include "base/target.h"
#include "trigger/event.h"
#include "trigger/history.h"
#include "trigger/limit.h"
#include "trigger/conditions/machine.h"
#include "trigger/sample.h"

/* How many conditions one command line may give. */
#define TRIGGERS_MAX 16

/* The wholes that percentages are taken of. */
struct trigger_wholes {
        struct memory_limit limit; /* the tightest */
        struct memory_limit
                nearest; /* the fullest, by its own usage: sample.used is counted against this one */
        uint64_t mem_total, swap_total; /* bytes */
        uint64_t capture_ns;            /* how long a capture of this process takes */
};

struct trigger_type;

/* One condition as the user gave it. */
struct trigger {
        const struct trigger_type *type;
        struct size_spec size;
        uint64_t time_ns;
        char given[32]; /* the argument's text */
};

/* What a condition looks at. */
struct trigger_view {
        const struct trigger *trigger; /* itself */
        const struct sample *now;
        const struct trigger_wholes *wholes;
        const struct history *history; /* `now` is its last row */
        const char *event;             /* of an event: whose (struct event_source) */
};

struct trigger_type {
        const char *kind, *option, *argument, *help;
        char letter;
        const struct trigger_ops *ops;
};

enum trigger_effect {
        TRIGGER_DUMPS,    /* a dump is taken at once */
        TRIGGER_ARMS,     /* the process is attended while it is true */
        TRIGGER_FOREWARNS /* it is attended; with --snapshot a dump is taken, too */
};

/* What has to be measured at each tick, because now and then is not enough. */
#define TRIGGER_NEEDS_ROLLUP  1u  /* pss, uss: costly, see sampler.h */
#define TRIGGER_NEEDS_USED    2u  /* used */
#define TRIGGER_NEEDS_MACHINE 4u  /* available, swap_free */
#define TRIGGER_NEEDS_COST    8u  /* not at each tick: observer_set_capture() once */
#define TRIGGER_NEEDS_SPEED   16u /* of used: no reading stands for two ticks */

struct trigger_ops {
        enum trigger_effect effect;
        unsigned needs;
        uint64_t at_rest_ns; /* with the value at rest, no need to look more often; 0: the usual */

        const char *noun; /* what a level's value is: "RSS" */

        /* 0, or -EINVAL with d filled.  Fills t->size and t->time_ns. */
        int (*parse)(struct trigger *t, const char *text, struct diag *d);

        /* A level: the level in bytes, or UINT64_MAX when the condition cannot come true here. */
        uint64_t (*level)(const struct trigger *t, const struct trigger_wholes *w);

        /* What is compared with the level; SAMPLE_UNKNOWN: not measured. */
        uint64_t (*value)(const struct trigger_view *v);

        /* What moves towards the level, where that is not the value itself; or NULL. */
        uint64_t (*moving)(const struct trigger_view *v);

        /* Where the value ends at the latest. */
        uint64_t (*end)(const struct trigger_wholes *w);

        /* What the user should know at the start: "--group-usage: ...: this machine's memory is used instead\n";
         * or NULL. */
        void (*caveat)(const struct trigger *t, const struct limit_reader *l, struct buf *out);

        /* An event, instead of level, value and end: open what becomes ready.  0, with d filled if it is another
         * file than was asked for; or -errno with d filled. */
        int (*event_open)(const struct trigger *t, const struct target *target, struct event_source *ret,
                          struct diag *d);

        /* Why it fired: "RSS 1.81 GiB reached 90 % of the 2.00 GiB of memory group /a (--rss 90%)". */
        void (*explain)(const struct trigger_view *v, struct buf *out);

        /* The level in words, for the line at the start; NULL: the kind and its level. */
        void (*announce)(const struct trigger *t, const struct trigger_wholes *w, struct buf *out);
};

#define TRIGGER(name, option, letter, argument, help) extern const struct trigger_ops trigger_##name;
#include "trigger/triggers.def"
#undef TRIGGER

extern const struct trigger_type trigger_types[];
extern const size_t n_trigger_types;

/* Set t to the condition of that type with the argument `text`.  0, or -EINVAL with d filled. */
int trigger_parse(const struct trigger_type *type, const char *text, struct trigger *ret, struct diag *d);

/* Does it take dumps; does it want the process attended?  `snapshot`: --snapshot was given. */
bool trigger_dumps(const struct trigger *t, bool snapshot);
bool trigger_arms(const struct trigger *t);

/* The type of that kind ("rss"), or NULL. */
const struct trigger_type *trigger_type_find(const char *kind);

/* "rss 512 MiB", for the line at the start. */
void trigger_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out);

#endif
