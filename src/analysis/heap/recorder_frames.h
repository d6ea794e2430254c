/* SPDX-License-Identifier: MIT */
/* recorder_frames - the stacks of a recorder as a report shows them: function, file:line, inlined functions.
 *
 * The same address may have been code of different files, one after the other (dlclose).  So every module is given a
 * place of its own in the upper half of the address space, where no code of a program is, and all stacks are resolved
 * together (frames.h).
 */
#ifndef SWANSONG_ANALYSIS_HEAP_RECORDER_FRAMES_H
#define SWANSONG_ANALYSIS_HEAP_RECORDER_FRAMES_H

#include "analysis/heap/recorder.h"
#include "analysis/report.h"
#include "analysis/stacks/stacks.h"

struct recorder_stack_shown {
        const struct report_frame *frames; /* innermost first */
        size_t n_frames;
};

/* A module whose code stands in a stack, but whose file cannot be had: called with why. */
typedef void recorder_no_symbols(void *data, const char *path, const char *why);

/* Resolve the n stacks, by their index.  `maps`: the process's mappings, where they are known, tell which of the files
 * that --binaries hands over are which.  no_symbols may be NULL.  0 or -ENOMEM. */
int recorder_resolve(const struct recorder *r, const struct stacks_options *o, const struct report *maps,
                     struct pool *pool, const uint32_t *stacks, size_t n, struct recorder_stack_shown *ret,
                     recorder_no_symbols *no_symbols, void *data);

#endif
