/* SPDX-License-Identifier: MIT */
/* tally - how many blocks of which size there are, and who they are by their first word.
 *
 * A block's first word tells much: a C++ object's is the address of its class's vtable, many C objects' the address of a
 * table of functions or of a type object, all of them in some module's data.  Those are counted one by one; of the rest only
 * of what kind the word is.  Names are found later, from the bundle (analysis).
 */
#ifndef SWANSONG_CENSUS_TALLY_H
#define SWANSONG_CENSUS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "census/ranges.h"

enum tally_kind {
        TALLY_MODULE, /* an address in a module: `word` says which */
        TALLY_HEAP,   /* an address in writable memory of no module: lists, trees, containers */
        TALLY_ZERO,
        TALLY_TEXT, /* printable characters */
        TALLY_OTHER,
        TALLY_KINDS
};

/* Sizes up to 1 KiB have a row each; above there are eight rows for each doubling. */
#define TALLY_EXACT      64
#define TALLY_PER_DOUBLE 8
#define TALLY_SIZES      (TALLY_EXACT + TALLY_PER_DOUBLE * 38)

struct tally_count {
        uint64_t blocks, bytes;
};

struct tally_object {
        uint64_t word; /* MODULE only, else 0 */
        uint64_t at;   /* of one of the blocks */
        uint32_t size_row;
        uint8_t kind; /* enum tally_kind + 1; 0: a free slot */
        struct tally_count count;
};

struct tally {
        const struct ranges *ranges;
        const struct range *last; /* the range found last: the next block's word is mostly in the same one */
        struct tally_count sizes[TALLY_SIZES];
        struct tally_object *objects; /* hashed */
        size_t n_objects;
        struct tally_count crowded; /* of modules, when the table was full */
};

/* 0 or -ENOMEM.  The ranges must outlive it. */
int tally_make(const struct ranges *ranges, struct tally *ret);
void tally_done(struct tally *t);

/* One block at this address of so many bytes (a multiple of 16), which begins with this word. */
void tally_add(struct tally *t, uint64_t bytes, uint64_t word, uint64_t at);

/* It was added, and is free after all. */
void tally_take_back(struct tally *t, uint64_t bytes, uint64_t word);

/* The largest number of bytes that the row stands for. */
uint64_t tally_row_bytes(uint32_t row);

/* The tally is of a sample: make it the whole's estimate. */
void tally_scale(struct tally *t, double factor);

/* Put the objects into an order, largest sum of bytes first: objects[0..n).  No add after this. */
size_t tally_sort(struct tally *t);

#endif
