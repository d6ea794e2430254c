/* SPDX-License-Identifier: MIT */
/* watch_find - with -e: which processes are to be watched, now and later.
 *
 * All of /proc is only read when a process has started since the last look, and once more (the first time it may
 * not have executed yet), or after ten looks.
 */
#ifndef SWANSONG_CLI_WATCH_FIND_H
#define SWANSONG_CLI_WATCH_FIND_H

#include "cli/watch_loop.h"

/* Begin to watch the processes of the executable that are not watched yet.  How many processes could not be
 * looked at, or -errno. */
int watch_find_scan(struct watcher *w);

/* What is done every -i seconds: leave those that have become another program, look for new ones, and set when
 * to look again. */
void watch_find_look(struct watcher *w, uint64_t now_ns);

#endif
