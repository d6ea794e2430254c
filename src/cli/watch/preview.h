/* SPDX-License-Identifier: MIT */
/* watch_preview - watch --dry-run: for each process the limits that hold and the files which say so, each condition with its
 * level now and when it would come true, what a capture would take, and what is not permitted.  Attaches to
 * nothing, writes no bundle. */
#ifndef SWANSONG_CLI_WATCH_PREVIEW_H
#define SWANSONG_CLI_WATCH_PREVIEW_H

#include <stdio.h>

#include "cli/watch/loop.h"

/* Looks for half a second, for the speeds. */
void watch_preview(struct watcher *w, FILE *out);

#endif
