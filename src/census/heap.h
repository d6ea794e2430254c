/* SPDX-License-Identifier: MIT */
/* heap - heaps that are not glibc's: of other allocators and of language runtimes, their totals read from outside.
 *
 * Each row of heaps.def knows one of them.  None needs symbols where it can do without: the statistics are found in the
 * module's data by their shape, and are used only after they have agreed with something else that was read (sums with
 * totals, indices with places).  What does not agree is refused with the reason.  The memory is the target's: it may
 * hold anything, it changes while it is read, and lists in it may lead in circles.
 */
#ifndef SWANSONG_CENSUS_HEAP_H
#define SWANSONG_CENSUS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "census/ranges.h"
#include "injector/remote_memory.h"

#define HEAP_UNKNOWN UINT64_MAX

#define HEAP_CLASSES 640
#define HEAP_TYPES   100
#define HEAP_NAME    80

/* Blocks in use of one size. */
struct heap_class {
        uint64_t size, blocks; /* size in bytes, of one block at most */
        uint64_t bytes;
};

/* Objects of one type of a language's. */
struct heap_type {
        char name[HEAP_NAME];
        uint64_t blocks, bytes;
};

struct heap_region {
        uint64_t start, end, resident; /* resident: bytes; HEAP_UNKNOWN without pagemap */
};

/* In bytes unless it counts; HEAP_UNKNOWN where the heap does not tell. */
struct heap {
        const char *name; /* "jemalloc", "CPython" */
        bool is_malloc;   /* it stands in for malloc(3) */
        char version[48]; /* "" if it is not known */
        char refused[200];
        uint64_t system;   /* held from the kernel: in use, free and overhead */
        uint64_t in_use;   /* handed out to the program, or not collected yet */
        uint64_t blocks;   /* how many */
        uint64_t free;     /* held, and free */
        uint64_t returned; /* address space that is kept while its pages were given back; not in system */
        uint64_t overhead; /* of the allocator's own */
        struct heap_class *classes;
        size_t n_classes;
        struct heap_type *types;
        size_t n_types;
        struct heap_region *regions; /* where it lies, ascending; none if that is not known */
        size_t n_regions, regions_room;
};

/* What a row has to look at. */
struct heap_look {
        const struct remote_memory *memory;
        const struct ranges *ranges;
        int pagemap_fd;       /* or -1 */
        uint64_t deadline_ns; /* CLOCK_MONOTONIC */
};

/* One heap: false if the process has none of this kind; else *ret has its totals, or why there are none. */
typedef bool heap_read(const struct heap_look *look, struct heap *ret);

#define HEAP(name_, kind, function) heap_read heap_read_##function;
#include "census/heaps.def"
#undef HEAP

/* A row of heaps.def. */
struct heap_kind {
        const char *name;
        bool is_malloc;
        heap_read *read;
};
extern const struct heap_kind heap_kinds[];
extern const size_t n_heap_kinds;

/* All heaps that are there: *ret, n of them; free with heaps_free().  0 or -ENOMEM. */
int heaps_take(const struct heap_look *look, struct heap **ret, size_t *ret_n);
void heaps_free(struct heap *heaps, size_t n);

/* ---- for the rows ---- */

/* "no totals: WHY" */
_printf_(2, 3) bool heap_refuse(struct heap *h, const char *format, ...);

/* Add blocks in use to the class of that size. */
void heap_count(struct heap *h, uint64_t size, uint64_t blocks);

/* It lies there, too. */
void heap_lies(struct heap *h, uint64_t start, uint64_t end);

/* The file mapping whose name begins so: the index of its first range, SIZE_MAX if there is none. */
size_t heap_module(const struct heap_look *look, const char *prefix);

/* The first file mapped, which is the program except in strange cases: SIZE_MAX if there is none. */
size_t heap_program(const struct heap_look *look);

/* A module's writable data, .bss and all, one stretch of mappings after the other. */
struct heap_data {
        uint64_t address;
        uint64_t *words;
        size_t n;
        size_t next; /* the range to go on with */
};

/* Begin with next = the module's first range.  Pages that are not there read as zeros.  False: no more. */
bool heap_data_next(const struct heap_look *look, struct heap_data *data);
void heap_data_done(struct heap_data *data);
#define _cleanup_heap_data_ _cleanup_(heap_data_done)

/* Exactly n bytes of the target's. */
bool heap_get(const struct heap_look *look, uint64_t address, void *to, size_t n);

/* The same; what is not there, or was never touched, reads as zeros. */
void heap_get_present(const struct heap_look *look, uint64_t address, void *to, size_t n);

/* How many bytes of it are in memory; HEAP_UNKNOWN without pagemap, or when time is up. */
uint64_t heap_resident(const struct heap_look *look, uint64_t start, uint64_t end);

/* Does the address lie in writable memory of no file? */
bool heap_is_anonymous(const struct heap_look *look, uint64_t address);

/* Is the time used up? */
bool heap_is_late(const struct heap_look *look);

#endif
