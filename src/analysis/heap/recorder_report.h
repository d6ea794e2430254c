/* SPDX-License-Identifier: MIT */
/* recorder_report - what a recorder tells beside the heap: the allocator's figures, the process's size before, last
 * words, and threads; and, where the recorder is all there is, whose it is.
 */
#ifndef SWANSONG_ANALYSIS_HEAP_RECORDER_REPORT_H
#define SWANSONG_ANALYSIS_HEAP_RECORDER_REPORT_H

#include "analysis/missing.h"
#include "analysis/heap/recorder.h"
#include "analysis/report.h"
#include "analysis/stacks/stacks.h"
#include "base/recorder/recorder_head.h"

/* Add it all, the heap too, to what the report has.  0 or -ENOMEM. */
int recorder_report(const struct recorder *rec, const struct stacks_options *o, struct missing *missing,
                    struct report *r);

/* A recorder without a bundle: who, when, and what became of the process.  Where the kernel killed it for memory,
 * r->kill says so already.  Before recorder_report().  0 or -ENOMEM. */
int recorder_identify(const struct recorder *rec, enum recorder_fate fate, struct report *r);

/* Where nothing else told them: the limit by the kernel's log of the kill, and RSS: the kernel's figure at the kill, else the last sample, unless the live heap is larger
 * than that by then (a sample is up to a second old). */
void recorder_last_size(struct report *r);

/* The threads' stacks as the agent took them: for a report that has no threads, and for those of its threads that could
 * not be stopped, when the agent was asked at that time.  0 or -ENOMEM. */
int recorder_threads(const struct recorder *rec, const struct stacks_options *o, struct report *r);

#endif
