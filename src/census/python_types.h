/* SPDX-License-Identifier: MIT */
/* python_types - of which types CPython's objects are.
 *
 *   PyObject { ob_refcnt, ob_type }, behind a head of two words if the collector knows it (a list, a dict), and of two more
 *   if it has a managed __dict__ (3.11 and later)
 *   PyTypeObject { ob_refcnt, ob_type, ob_size, tp_name ... }: its own type is `type`, whose type is itself
 *
 * A word that leads to no type makes its block one of no known type: keys of dicts, arrays of lists, C structs.
 */
#ifndef SWANSONG_CENSUS_PYTHON_TYPES_H
#define SWANSONG_CENSUS_PYTHON_TYPES_H

#include "census/heap.h"

struct python_type;

struct python_types {
        const struct heap_look *look;
        struct python_type *slots; /* hashed by address */
        size_t n;
        uint64_t other_blocks, other_bytes; /* of no known type */
};

/* 0 or -ENOMEM. */
int python_types_make(const struct heap_look *look, struct python_types *ret);
void python_types_done(struct python_types *t);

/* One block in use, of which `bytes` were read. */
void python_types_count(struct python_types *t, const unsigned char *block, uint32_t bytes);

/* The types with most bytes into h->types. */
void python_types_put(struct python_types *t, struct heap *h);

#endif
