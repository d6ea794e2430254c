/* SPDX-License-Identifier: MIT */
/* oom_facts - what the machine and a victim looked like when its kill became known.
 *
 * Of a kill in the past only the log is left; these are copied for kills that are seen as they come, the one
 * that vanishes first before the others. Each kind is a row in oom_facts.c.
 */
#ifndef SWANSONG_CLI_OOM_FACTS_H
#define SWANSONG_CLI_OOM_FACTS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/oom/oom_kill.h"
#include "base/oom/storm.h"

enum oom_fact { OOM_FACT_STATUS, OOM_FACT_MEMINFO, OOM_FACT_SLABINFO, OOM_FACT_COUNT };

struct oom_facts {
        char load[64]; /* /proc/loadavg: "0.99 0.39 0.30 3/282 22724"; "" unknown */
        struct {
                bool wanted;
                struct buf text;   /* the file as the kernel wrote it */
                char missing[128]; /* why there is none; "" if there is */
                uint64_t age_ns;   /* of the kill, when it was copied */
        } fact[OOM_FACT_COUNT];
        struct storm storm; /* of what is the machine's, not the victim's */
        unsigned left_out;  /* kills before this one without it, since it was last copied */
};

extern const char *const oom_fact_names[OOM_FACT_COUNT];

/* "meminfo,status": which facts are wanted.  0, or -EINVAL with d filled. */
int oom_facts_choose(const char *list, struct oom_facts *f, struct diag *d);

/* Copy them now, for this kill: the victim's always, the machine's at most once in STORM_NS. */
void oom_facts_take(struct oom_facts *f, const struct oom_kill *k);

void oom_facts_done(struct oom_facts *f);

/* The caches in /proc/slabinfo that take most memory. */
struct oom_slab {
        char name[64];
        uint64_t bytes, objects;
};
size_t oom_slabs_largest(const struct buf *slabinfo, uint64_t page_size, struct oom_slab *out, size_t max);

#endif
