/* SPDX-License-Identifier: MIT */
/* largest - keep the largest rows of a table that is read row by row, in order, without keeping the rest.
 *
 * Insertion into an array of at most `max` rows; rows that compare equal stay in the order in which they came.
 */
#ifndef SWANSONG_ANALYSIS_LARGEST_H
#define SWANSONG_ANALYSIS_LARGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct largest {
        void *rows; /* room for `max` of them */
        size_t row_size, n, max;
        uint64_t (*weight)(const void *row);
};

/* Would a row of this weight be kept? */
static inline bool largest_wants(const struct largest *l, uint64_t weight)
{
        return l->max > 0 &&
               (l->n < l->max || weight > l->weight((const char *)l->rows + (l->n - 1) * l->row_size));
}

static inline void largest_add(struct largest *l, const void *row)
{
        char *rows = l->rows;
        size_t at = l->n, size = l->row_size;

        if (!largest_wants(l, l->weight(row)))
                return;
        while (at > 0 && l->weight(rows + (at - 1) * size) < l->weight(row))
                at--;
        if (l->n < l->max)
                l->n++;
        memmove(rows + (at + 1) * size, rows + at * size, (l->n - 1 - at) * size);
        memcpy(rows + at * size, row, size);
}

#endif
