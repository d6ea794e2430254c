/* SPDX-License-Identifier: MIT */
/* watch_victim - with --victim: watch whoever the kernel would kill next (trigger/badness.h), as the ranking changes.
 *
 * The first three of the machine (or of --group) are watched, and the first three of each place near its limit are watched
 * and attended.  Who is watched stays as long as it is among the first six: two that grow side by side do not take turns.
 * How often the ranking is made anew: every 1 to 10 s far from all limits, for a thousandth of a core; near one a few times in the
 * time that is left at the present speed, but never for more than a fiftieth of a core.
 */
#ifndef SWANSONG_CLI_WATCH_VICTIM_H
#define SWANSONG_CLI_WATCH_VICTIM_H

#include "cli/watch/loop.h"

/* When the ranking is to be made anew, as the places are now. */
uint64_t watch_victim_due_ns(const struct watcher *w);

void watch_victim_choose(struct watcher *w);

#endif
