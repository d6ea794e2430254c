/* SPDX-License-Identifier: MIT */
/* collect_pass - several rows of the table taken in one pass over many directories: the threads, the
 * relatives, the groups.  Each row is one family of files, one line in the manifest. */
#ifndef SWANSONG_CAPTURE_COLLECT_PASS_H
#define SWANSONG_CAPTURE_COLLECT_PASS_H

#include <limits.h>

#include "capture/collect.h"

#define PASS_ROWS_MAX 8

struct collect_pass {
        struct collect *c;
        const struct collector *rows;
        size_t n;
        struct section_family families[PASS_ROWS_MAX];
        char paths[PASS_ROWS_MAX][PATH_MAX];
};

/* `where` is the bundle's directory, with a * for what differs. */
void pass_begin(struct collect_pass *p, struct collect *c, const struct collector *rows, size_t n,
                const char *where);

/* Copy row `i`'s file dirfd/name to `where`/name. */
void pass_copy(struct collect_pass *p, size_t i, int dirfd, const char *name, const char *where);

/* Is it time to stop? */
bool pass_over(struct collect_pass *p);

/* Note all families.  `err` and `reason` say why the pass ended early; 0 and NULL if it did not. */
void pass_end(struct collect_pass *p, int err, const char *reason);

#endif
