/* SPDX-License-Identifier: MIT */
/* stock - the bundles that a watcher has in its directory, and how much of the disk they may take (--max-disk).
 *
 * Its own are those that it took, and those of the same executables that an earlier watcher of ours left there
 * (manifest.json says so).  When room is needed the oldest of the middle goes first: of a ramp the first bundle, which
 * shows how it began, and of each process the newest stay as long as anything else can go; the newest of all stays.
 * What is being written (.partial), what is not in the list, what is not a directory of ours is never removed.
 */
#ifndef SWANSONG_CLI_STOCK_H
#define SWANSONG_CLI_STOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "cli/keep.h"

struct stock_item {
        char *name; /* in the directory */
        struct bundle_label label;
        uint64_t bytes; /* of the disk */
        bool first;     /* of a ramp */
};

struct stock {
        struct stock_item *items;
        size_t n, room;
        uint64_t bytes; /* all together */
        char *adopted;  /* the executable whose bundles were looked for last */
};

void stock_free(struct stock *s);

/* Take in those of this executable that lie there already.  0 or -errno. */
int stock_adopt(struct stock *s, int dirfd, const char *exe);

/* A bundle is complete.  0 or -errno: then it does not count. */
int stock_add(struct stock *s, int dirfd, const char *name, bool first);

/* Which would be removed next; NULL when only the newest is left. */
const struct stock_item *stock_next(const struct stock *s);

/* Remove until all together take at most `most` bytes.  How many were removed, or -errno with d filled. */
int stock_trim(struct stock *s, int dirfd, uint64_t most, struct diag *d);

#endif
