/* SPDX-License-Identifier: MIT */
/* brake_note - what a brake is about to change, written down before it does: for the case that swansong and its guard are
 * killed at once.
 *
 * One small file for each braked group, in /run/swansong (root) or $XDG_RUNTIME_DIR/swansong, mode 0700: it lives
 * as long as the groups do, until the machine is booted again.  Its name is the directory's device and inode number.
 *
 *   swansong brake 1
 *   /sys/fs/cgroup/memory/docker/7c1f
 *   memory.oom_control 0 1
 *   memory.limit_in_bytes 67108864 71303168
 *
 * (file, original, ours).  It appears complete or not at all (O_TMPFILE, linkat) and is locked (flock) for as long as the
 * one who brakes, or his guard, lives: a note that can be locked has been left behind.
 */
#ifndef SWANSONG_BRAKE_BRAKE_NOTE_H
#define SWANSONG_BRAKE_BRAKE_NOTE_H

#include <limits.h>

#include "base/diag.h"
#include "brake/knob.h"

#define BRAKE_KNOBS     3
#define BRAKE_NOTE_NAME 64
#define BRAKE_NOTE_TEXT (PATH_MAX + 512)

struct brake_note {
        char dir[PATH_MAX]; /* of the group */
        unsigned n;
        struct knob knobs[BRAKE_KNOBS]; /* fd: -1 after parsing */
};

/* The note's text, at most BRAKE_NOTE_TEXT bytes; its length, or -EINVAL: the name holds a newline. */
int brake_note_format(const struct brake_note *n, char out[BRAKE_NOTE_TEXT]);

/* 0, or -EINVAL: not a note; files that are no knobs are never accepted. */
int brake_note_parse(const char *text, size_t len, struct brake_note *ret);

/* Where notes lie.  With `create` it is made.  fd, or -errno with d filled: -ENOENT (no such place, or without `create`
 * nothing there), -EPERM (somebody else's, or open to others), -ELOOP... */
int brake_notes_open(bool create, struct diag *d);

/* The note's name for the group whose directory is group_fd.  0 or -errno. */
int brake_note_name(int group_fd, char out[BRAKE_NOTE_NAME]);

/* Write the note and lock it.  Its fd, which is to be kept (and inherited by the guard); or -errno: -EEXIST, there is
 * one already. */
int brake_note_write(int notes_fd, const char *name, const struct brake_note *n);

/* Remove the note that is open as note_fd, unless its name belongs to another one by now. */
void brake_note_remove(int notes_fd, const char *name, int note_fd);

#endif
