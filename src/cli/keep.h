/* SPDX-License-Identifier: MIT */
/* keep - what a bundle's name says, and --keep: remove a target's older bundles, and nothing else.
 *
 * A directory is removed only if its name is exactly COMM.PID.YYYYmmddTHHMMSSZ[.N].swansong with the same
 * COMM and PID as the new bundle (or, where a whole executable is watched, the same COMM, and a manifest.json
 * that names the same executable), it belongs to us, and it is a directory, not a link.  Interrupted captures
 * (.partial) stay.
 */
#ifndef SWANSONG_CLI_KEEP_H
#define SWANSONG_CLI_KEEP_H

#include <stdbool.h>

#include "base/diag.h"

/* The parts of a bundle's name. */
struct bundle_label {
        char target[128]; /* "COMM.PID" */
        char comm[96];
        char time[20];   /* "20261121T050000Z" */
        unsigned number; /* 1, or N */
};

/* 0, or -EINVAL if it is no bundle's name. */
int bundle_label_parse(const char *name, struct bundle_label *ret);

/* <0 if a is older than b. */
int bundle_label_compare(const struct bundle_label *a, const struct bundle_label *b);

/* Is it a directory that belongs to us, and no link? */
bool bundle_is_ours(int dirfd, const char *name);

/* Does the bundle's manifest name this executable?  Our own writer's spelling is compared: whatever looks
 * different is not. */
bool bundle_names_exe(int dirfd, const char *name, const char *exe);

struct keep {
        unsigned most;   /* bundles of the target that stay, the newest */
        const char *exe; /* NULL, or the executable whose bundles of other PIDs count too */
        const char *
                spare; /* NULL, or the first of a ramp: it stays instead of the oldest of the others, unless most is 1 */
        const char *const *
                busy; /* NULL, or names until a NULL: somebody is at work in them.  They, and what is newer, stay for now */
};

/* Leave so many bundles of the target that `newest` (a name in dirfd) belongs to.  How many were removed, or -errno with
 * d filled. */
int keep_newest(int dirfd, const char *newest, const struct keep *keep, struct diag *d);

#endif
