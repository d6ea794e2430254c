/* SPDX-License-Identifier: MIT */
/* knob - one control file of a memory group: a value that we set for a while, and put back.
 *
 *   memory.high                "max" or bytes                                            cgroup v2
 *   memory.limit_in_bytes      bytes                                                     v1
 *   memory.oom_control         "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"; takes 0 or 1   v1
 *
 * A value that somebody else has set meanwhile is never overwritten: who finds another value than ours leaves it.
 * Traps: the kernel rounds sizes down to pages; a v1 limit below what is used is refused (EBUSY) after the kernel has
 * tried to free memory; when the group has been removed its files say ENODEV.
 */
#ifndef SWANSONG_BRAKE_KNOB_H
#define SWANSONG_BRAKE_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "max" */
#define KNOB_MAX UINT64_MAX

struct knob {
        const char *file; /* one of knob_files; static */
        int fd;           /* open for reading and writing, -1 */
        uint64_t original, ours;
};

/* The files that may be knobs; NULL ends the list. */
extern const char *const knob_files[];

/* The list's own string for that name, or NULL. */
const char *knob_file(const char *name, size_t len);

/* The value in a file's text.  0 or -EINVAL. */
int knob_parse(const char *text, size_t len, uint64_t *ret);

/* Open the file in the group's directory and read its value into `original` (and `ours`).  0 or -errno. */
int knob_open(int dirfd, const char *file, struct knob *ret);
void knob_close(struct knob *k);

/* What it is set to now.  0 or -errno. */
int knob_read(const struct knob *k, uint64_t *ret);

/* Set it to `ours`.  0 or -errno; -ESTALE: it is not `original` any more, and was left alone. */
int knob_apply(const struct knob *k);

/* Put it back, if it is ours.  0: it is not ours (any more), as was read back, or its group is gone; or -errno of the
 * write: -EBUSY, it can be tried again. */
int knob_restore(const struct knob *k);

#endif
