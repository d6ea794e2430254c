/* SPDX-License-Identifier: MIT */
/* frames - from addresses to what a report shows: module, function, file:line, inlined functions, JIT names.
 *
 * All addresses of all stacks are resolved together, module by module, because a symbol table is read once for
 * any number of them.
 */
#ifndef SWANSONG_ANALYSIS_STACKS_FRAMES_H
#define SWANSONG_ANALYSIS_STACKS_FRAMES_H

#include "analysis/report.h"
#include "analysis/stacks/unwind.h"

struct frame_place {           /* one address, resolved */
        uint64_t lookup;       /* the address that was looked up: inside the call for a return address */
        struct module *module; /* NULL: outside all files */
        const struct report_frame
                *frames; /* innermost first; .pc and .module_offset are left to the caller */
        size_t n_frames; /* at least 1 */
};

struct frame_places {
        struct frame_place *places; /* by lookup */
        size_t n;
};

struct frame_sources {
        const struct modules *modules;
        const struct module_finder *finder;
        bool lines;
        const char *perf_map; /* text, or NULL */
        size_t perf_map_len;
};

/* Resolve the addresses (sorted and made unique here).  Memory comes from the finder's pool, and from
 * temporary memory that frame_places_done() frees.  0 or -ENOMEM. */
int frames_resolve(const struct frame_sources *s, uint64_t *lookups, size_t n, struct frame_places *ret);

/* The place of an address that was among those resolved. */
const struct frame_place *frame_place_find(const struct frame_places *p, uint64_t lookup);

#endif
