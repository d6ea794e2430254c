/* SPDX-License-Identifier: MIT */
/* verdict - one sentence on why the memory is where it is, never more than the evidence carries.
 *
 * A table of rules (verdict_rules.c), one for each cause that a bundle can show.  A rule looks at the finished report
 * and says how certain it is:
 *   certain   counted directly: "thread stacks hold 81 % of RSS"
 *   likely    several observations fit, none speaks against it: it grows steadily, and what grows is the heap
 *   possible  one observation fits
 * The most certain rule wins, among equals the earlier row.  Rules only read numbers; none guesses at an unknown one.
 */
#ifndef SWANSONG_ANALYSIS_VERDICT_VERDICT_H
#define SWANSONG_ANALYSIS_VERDICT_VERDICT_H

#include "analysis/history.h"
#include "analysis/report.h"
#include "base/buf.h"

enum certainty { CERTAINTY_NONE, CERTAINTY_POSSIBLE, CERTAINTY_LIKELY, CERTAINTY_CERTAIN };

/* What the rules share, computed once. */
struct verdict_facts {
        const struct report *r;
        const char *comm; /* never NULL */
        uint64_t rss;     /* 0 when unknown */
        uint64_t floor;   /* less than this is not worth a verdict */
        struct growth rss_growth, anon_growth;
        bool growing;       /* RSS: fast, steadily, and for long enough to say so */
        bool group_bound;   /* the tightest limit is the group's */
        double limit_share; /* used part of the limit, 0..1; 0 unknown */
};

struct finding {
        enum certainty certainty;
        struct buf sentence;    /* fixed; without the final period */
        struct buf evidence[4]; /* fixed; empty ones are not used */
        char text[5][320];
};

/* Empty: nothing found. */
void finding_reset(struct finding *f);

/* `from` becomes *to, its texts copied. */
void finding_copy(struct finding *to, const struct finding *from);

struct verdict_rule {
        const char *cause; /* of design.md's list */
        void (*judge)(const struct verdict_facts *f, struct finding *ret);
};

/* The rules that need a recorder (verdict_heap.c). */
void judge_heap_leak(const struct verdict_facts *f, struct finding *ret);
void judge_pinned(const struct verdict_facts *f, struct finding *ret);
void judge_free_held(const struct verdict_facts *f, struct finding *ret);

/* The place that grows and holds most, if a recorder names one. */
void say_growing_place(const struct verdict_facts *f, struct buf *b);

/* How much malloc has in use and free, if that is most of the memory. */
void say_in_use(const struct verdict_facts *f, struct buf *b);

/* What the heap held, where the recorder is all that there is; false, and nothing is said, where it names no place. */
bool say_heap(const struct verdict_facts *f, struct buf *b);

extern const struct verdict_rule verdict_rules[];
extern const size_t n_verdict_rules;

/* Fill r->verdict and r->memory.growth_bytes_per_s.  The rest of the report is finished.  0 or -ENOMEM. */
int verdict_make(struct report *r);

/* The same for a bundle without a target: what system says.  All that is known of a process becomes unknown. */
int verdict_of_machine(struct report *r);

#endif
