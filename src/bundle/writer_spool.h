/* SPDX-License-Identifier: MIT */
/* writer_spool - sections kept in memory until there is time for files: pieces of bytes, each with the path it belongs to.
 *
 * All memory is reserved by spool_make(); spool_add() allocates nothing.
 */
#ifndef SWANSONG_BUNDLE_WRITER_SPOOL_H
#define SWANSONG_BUNDLE_WRITER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct spool;

/* Address space for most_bytes; the first touched_bytes of it cause no page fault any more.  0 or -ENOMEM. */
int spool_make(size_t most_bytes, size_t touched_bytes, struct spool **ret);
void spool_free(struct spool *s); /* NULL is fine */

/* Append a piece of the file `path`.  0, or -ENOSPC when it does not fit. */
int spool_add(struct spool *s, const char *path, const void *data, size_t len);

struct spool_piece {
        const char *path;
        bool continues; /* the same file as the piece before */
        const char *data;
        size_t len;
};

/* The next piece; *at starts at 0.  false: there is no more. */
bool spool_next(const struct spool *s, size_t *at, struct spool_piece *ret);

static inline void spool_freep(struct spool **s)
{
        spool_free(*s);
        *s = NULL;
}
#define _cleanup_spool_ _cleanup_(spool_freep)

#endif
