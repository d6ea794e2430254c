/* SPDX-License-Identifier: MIT */
/* process - which process the bundle is about: names, owner, age, state.
 *
 * From proc/PID/{status,stat,comm,cmdline}; the manifest is asked only for what they do not say or where they are
 * lost.  Trap: comm and cmdline are whatever the process wrote there.
 */
#ifndef SWANSONG_ANALYSIS_PROCESS_H
#define SWANSONG_ANALYSIS_PROCESS_H

#include "analysis/source.h"

/* Fill r->process and s->status.  0 or -ENOMEM. */
int process_fill(struct source *s, struct report *r);

#endif
