/* SPDX-License-Identifier: MIT */
/* watch_signals - the signals of a watcher come through one signalfd, except while it dumps.
 *
 * SIGINT, SIGTERM, SIGHUP: end.  SIGUSR1: dump now.  SIGCHLD: a report or hook has ended.  Those that the
 * caller had ignored (nohup, a shell's background job) stay ignored.
 * During a dump nobody reads the signalfd: a handler counts the requests to end, and the second one ends us
 * on the spot; the bundle stays .partial, the kernel lets the target's threads run.
 */
#ifndef SWANSONG_CLI_WATCH_SIGNALS_H
#define SWANSONG_CLI_WATCH_SIGNALS_H

#include <stdbool.h>

/* Block the signals and return the signalfd, or -errno. */
int watch_signals_open(void);

void watch_signals_dump_begin(void);
void watch_signals_dump_end(void);

/* Was one of the ending signals seen during a dump? */
bool watch_signals_end_requested(void);

#endif
