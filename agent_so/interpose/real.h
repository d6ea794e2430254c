/* SPDX-License-Identifier: MIT */
/* real - the functions behind ours: what the program would have called without the agent.
 *
 * Each pointer starts at a stub which looks the real one up at the first call, before any constructor at need.  dlsym()
 * may allocate while it is asked for malloc itself: those few blocks come from a small buffer of our own, are marked
 * in the filter for ever, and free() knows them.
 */
#ifndef SWANSONG_AGENT_SO_INTERPOSE_REAL_H
#define SWANSONG_AGENT_SO_INTERPOSE_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct real {
        void *(*malloc)(size_t);
        void *(*calloc)(size_t, size_t);
        void *(*realloc)(void *, size_t);
        void (*free)(void *);
        int (*posix_memalign)(void **, size_t, size_t);
        void *(*aligned_alloc)(size_t, size_t);
        void *(*memalign)(size_t, size_t);
        void *(*valloc)(size_t);
        void *(*pvalloc)(size_t);
};
extern struct real real __attribute__((visibility("hidden"))); /* no way through the GOT in the fast paths */

/* What real.free is until then. */
void real_free_first(void *p);

/* Look everything up.  Idempotent. */
void real_resolve(void);

/* The same, if nothing has been looked up so far. */
void real_resolve_once(void);

/* The function after ours of this name, or (we were dlopen()ed) the one that the program itself finds; NULL if there is none. */
void *real_symbol(const char *name);

/* Does this address of code belong to the allocator underneath?  (Its own mmap() calls are not the program's.) */
bool real_is_allocator(uintptr_t pc);

/* The filter was wiped: free() is to know the boot buffer's blocks again. */
void boot_pin(void);

/* Is this a block of the boot buffer; how large is it? */
bool boot_owns(const void *p, size_t *ret_size);

#endif
