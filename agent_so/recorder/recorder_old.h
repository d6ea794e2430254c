/* SPDX-License-Identifier: MIT */
/* recorder_old - the recorders that others left in the directory, before one more is made there.
 *
 * They lie in memory, and in a container they are charged to its limit: a service that is killed again and again must not be
 * killed by what it left behind.  So the newest RECORDERS_LEFT stay, of processes that are gone; older ones go.  Not counted and
 * never touched: those of processes that run, those that `keep` has kept, and those of another PID namespace, which we cannot know.
 *
 * Not done by an agent that was loaded into a running program, which has other things to do.  Allocates nothing; for one thread at a time. */
#ifndef SWANSONG_AGENT_SO_RECORDER_RECORDER_OLD_H
#define SWANSONG_AGENT_SO_RECORDER_RECORDER_OLD_H

#include <stdbool.h>

#define RECORDERS_LEFT 32

/* Remove what is too much; nothing where /proc does not tell who is gone. */
void recorder_old_remove(int dirfd);

/* Is this file the recorder of a process in another PID namespace, which has our PID there? */
bool recorder_old_is_foreign(int dirfd, const char *name);

#endif
