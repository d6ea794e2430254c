/* SPDX-License-Identifier: MIT */
/* oom_print - a kill for memory as text for people, or as one line of JSON (docs/oom.md). */
#ifndef SWANSONG_CLI_OOM_PRINT_H
#define SWANSONG_CLI_OOM_PRINT_H

#include "base/oom/oom_report.h"
#include "cli/oom/facts.h"

/* facts: NULL for a kill that was not seen as it came. */
void oom_print_text(struct buf *out, const struct oom_log_event *e, const struct oom_facts *facts);
void oom_print_json(struct buf *out, const struct oom_log_event *e, const struct oom_facts *facts);

#endif
