/* SPDX-License-Identifier: MIT */
/* stack_range - which memory is a thread's stack, given its stack pointer and the mappings.
 *
 * From the page of the stack pointer (less the red zone) upwards to the end of the mapping, at most a cap:
 * 256 KiB, or 64 KiB where the mapping does not look like a stack (a goroutine's, a fiber's in the heap): its
 * end says nothing then.  A stack pointer in no known mapping, or in one that could not be read, gets 64 KiB tried
 * blindly: the thread began after maps was read, or just then (glibc makes a stack readable after it has mapped it).
 * One in a guard has run out of stack, which begins above the guard.
 */
#ifndef SWANSONG_CAPTURE_STACKS_STACK_RANGE_H
#define SWANSONG_CAPTURE_STACKS_STACK_RANGE_H

#include "capture/stacks/map_index.h"

/* One bit per page in a word; with pages of 4 KiB this is 256 KiB. */
#define STACK_PAGES_MAX 64

#define STACK_CAP         ((size_t)256 * 1024)
#define STACK_CAP_UNKNOWN ((size_t)64 * 1024)

/* Programs make guards of a page to a few; what is larger is a stack that was not readable yet. */
#define STACK_GUARD_MAX ((size_t)64 * 1024)

struct stack_range {
        uint64_t start; /* page-aligned */
        unsigned pages; /* at most STACK_PAGES_MAX; 0: no memory there that could be read */
        bool in_file;   /* a page that is not present may mean reading from a disk */
};

struct stack_range stack_range_of(const struct map_index *maps, uint64_t sp, unsigned red_zone,
                                  size_t page_size);

#endif
