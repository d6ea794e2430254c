/* SPDX-License-Identifier: MIT */
/* guard - the process that undoes a brake when the one who put it on cannot.
 *
 * It is forked before anything is changed, with the control files and the note open, and does nothing but wait:
 *
 *   the watcher ends, however        it puts everything back, once more when the watcher's children have ended, too (one of
 *                                    them may just be raising the limit), removes the note, ends
 *   GUARD_CLOCK, or memory.events    from now on the deadline counts; when it is over it puts everything back and ends;
 *     counts the first `high`        the watcher hears that by its pidfd
 *   GUARD_UNDO                       as when the watcher ends
 *
 * It leads a session of its own and blocks all signals, so that what ends the watcher (Ctrl-C, a signal to its group)
 * does not end it; SIGKILL does, and then the watcher hears that.
 */
#ifndef SWANSONG_BRAKE_GUARD_H
#define SWANSONG_BRAKE_GUARD_H

#include "brake/brake.h"

enum guard_word { GUARD_CLOCK, GUARD_UNDO };

/* group_fd: the group's directory.  Fills guard, guard_fd, tell_fd and life_fd.  0 or -errno with d filled. */
int guard_start(struct brake *b, int group_fd, uint64_t deadline_ns, struct diag *d);

void guard_tell(int tell_fd, enum guard_word word);

bool guard_is_there(const struct brake *b);

/* End it: at once when everything is `done`, else when it has undone the rest (at most a minute later). */
void guard_end(struct brake *b, bool done);

/* The number behind "high " in the text of memory.events; 0 if there is none. */
uint64_t guard_high_count(const char *text, size_t len);

#endif
