/* SPDX-License-Identifier: MIT */
/* pool - memory that is freed all at once: what a report is made of.
 *
 * Not for the capture path.  Running out of memory is final (NULL); callers pass it up as -ENOMEM.
 */
#ifndef SWANSONG_BASE_POOL_H
#define SWANSONG_BASE_POOL_H

#include <stddef.h>

struct pool {
        struct pool_block *blocks;
};

/* Zeroed, aligned for any type; NULL when memory is out. */
void *pool_alloc(struct pool *p, size_t size);
char *pool_strndup(struct pool *p, const char *s, size_t n);
char *pool_strdup(struct pool *p, const char *s);

/* Grow an array: returns memory for `want` elements (>= *capacity grows by doubling) with the first `used`
 * copied over, or NULL.  `*capacity` is updated. */
void *pool_grow(struct pool *p, void *array, size_t used, size_t want, size_t *capacity, size_t element);

void pool_free(struct pool *p);

#endif
