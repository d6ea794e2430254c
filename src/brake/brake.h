/* SPDX-License-Identifier: MIT */
/* brake - make a memory group wait for us at its limit, for a while, and undo that whatever happens.
 *
 *   BRAKE_SLOW  cgroup v2: memory.high below memory.max.  What goes above it is slowed down by the kernel, by a factor of
 *               hundreds, so that the last part of the way to the limit takes seconds instead of milliseconds.
 *   BRAKE_HOLD  cgroup v1: memory.oom_control, the kill disabled.  A thread that reaches the limit in a page fault sleeps
 *               until there is memory again.  It cannot be stopped in that sleep (mem_cgroup_oom_synchronize()); brake_wake()
 *               raises the limit a little, and an interrupted thread traps before it touches memory again.
 *
 * Dangers of holding (facts measured on 6.18): a system call that needs memory fails instead of sleeping (EFAULT,
 * ENOMEM, ENFILE), so the process has to be stopped within a millisecond; and without us the group would hang for ever.
 *
 * So the values as they were are noted first (brake_note.h), a guard (guard.h) is there before anything is changed, and they
 * are put back by whoever comes first: the one who brakes; the guard, when that one has died or the deadline is over;
 * the next start of swansong, when both were killed at once (left_behind.h).  What somebody else has set meanwhile is
 * left as it is.
 */
#ifndef SWANSONG_BRAKE_BRAKE_H
#define SWANSONG_BRAKE_BRAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"
#include "brake/brake_note.h"

enum brake_kind { BRAKE_NONE, BRAKE_SLOW, BRAKE_HOLD };

struct brake {
        enum brake_kind kind; /* BRAKE_NONE: nothing is braked */
        struct brake_note note;
        unsigned at_once; /* the first so many knobs are set by brake_begin(), the others by brake_wake() */
        int notes_fd, note_fd;
        char note_name[BRAKE_NOTE_NAME];
        pid_t guard;
        int guard_fd; /* pidfd of the guard: readable when it has ended, then call brake_end() */
        int tell_fd;  /* eventfd to the guard (guard.h) */
        int life_fd;  /* a pipe's end that closes when we and all who can change something have ended */
};

#define BRAKE_OFF                                                                                            \
        ((struct brake){.notes_fd = -1, .note_fd = -1, .guard_fd = -1, .tell_fd = -1, .life_fd = -1})

/* The part of memory.max from which --brake slows, when the user says nothing. */
#define BRAKE_PERCENT_DEFAULT 90

struct brake_request {
        enum brake_kind kind;
        const char *dir;      /* of the memory group that has the limit */
        double percent;       /* SLOW: memory.high as a part of memory.max */
        uint64_t deadline_ns; /* how long it may brake, from the moment at which it takes effect */
};

/* Could it be put on now?  Changes nothing.  0, or as of brake_begin(). */
int brake_check(const struct brake_request *request, struct diag *d);

/* Put the brake on.  0, or -errno with d filled, everything as it was: -ENODATA (no limit), -EALREADY (it is braked
 * already, by somebody else or another swansong), -EACCES, -EROFS, -ENOSYS (no pidfds: Linux 5.3)... */
int brake_begin(const struct brake_request *request, struct brake *ret, struct diag *d);

/* HOLD: somebody sleeps at the limit.  From now on the deadline counts. */
void brake_reached(const struct brake *b);

/* HOLD, with its threads interrupted: let the sleepers go on to where they can be stopped. */
void brake_wake(const struct brake *b);

/* HOLD, with its threads stopped: put the limit back, the kill stays disabled.  Now, because a limit below what is used
 * is refused, and reading a process's memory may take some.  0 or -errno: brake_restore() tries again. */
int brake_settle(const struct brake *b);

/* Put everything back that is still ours; tries once.  0, or -errno of the first that cannot be put back (yet).  May be
 * called by any process that holds b, any number of times. */
int brake_restore(const struct brake *b);

/* The end: put everything back, remove the note, end the guard.  What cannot be put back yet, the guard tries on.
 * Nothing happens when nothing is braked. */
void brake_end(struct brake *b);

#endif
