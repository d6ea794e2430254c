/* SPDX-License-Identifier: MIT */
/* interpose - the malloc family, as the program calls it.
 *
 * The fast paths: an allocation is a subtraction and a branch, then a jump to the real function; a free is a look into the
 * filter, and a jump to what it says.  They set nothing up, so that the compiler makes the real call a tail call.  Everything else is in
 * noinline functions.
 *
 * malloc_usable_size() is not among them: it says nothing that we must know, and no block is ours alone.  (Those of the boot buffer
 * stay with who calls dlsym(): the C library itself.)
 *
 * A stack is sampled with the block in hand, so the real function runs once in every path and its errno is the program's.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent_so/interpose/real.h"
#include "agent_so/sampling/sample.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/recorder/live_table.h"

#define SLOW __attribute__((noinline, cold))

static SLOW void *malloc_slow(size_t n)
{
        return sample_passed(real.malloc(n), n);
}

EXPORT void *malloc(size_t n)
{
        if (sample_due(n))
                return malloc_slow(n);
        return real.malloc(n);
}

static SLOW void *calloc_slow(size_t count_, size_t size)
{
        return sample_passed(real.calloc(count_, size), count_ * size);
}

EXPORT void *calloc(size_t count_, size_t size)
{
        /* A product that overflows fails in the real one, whatever is counted for it. */
        if (sample_due(count_ * size))
                return calloc_slow(count_, size);
        return real.calloc(count_, size);
}

static SLOW void free_slow(void *p)
{
        size_t size;

        if (boot_owns(p, &size))
                return;
        sample_remove(p);
        real.free(p);
}

/* The two parts of `filter`, which agent.lds puts together. */
static void (*free_table[])(void *) __attribute__((used, section(".filter.table"))) = {
        [0] = real_free_first, [1 ... UINT8_MAX] = free_slow};
static uint8_t free_slots[1 << FILTER_BITS] __attribute__((used, section(".bss.filter")));

EXPORT void free(void *p)
{
        filter.free[filter_hit((uintptr_t)p)](p);
}

/* The block may be on record: it leaves it before the real realloc() may hand its address to another thread, and comes
 * back if that fails. */
static SLOW void *realloc_slow(void *p, size_t n, bool due)
{
        struct recorder_live record;
        bool known = false;
        size_t boot_size;
        void *q;

        if (p && boot_owns(p, &boot_size)) {
                q = malloc(n);
                if (q)
                        memcpy(q, p, boot_size < n ? boot_size : n);
                return q;
        }
        if (p && filter_hit((uintptr_t)p) && agent.state == AGENT_ON)
                known = live_table_remove((uintptr_t)p, &record);
        q = real.realloc(p, n);
        if (known) {
                int saved = errno;

                /* NULL for n == 0 means freed, otherwise that nothing has changed. */
                if (!q && n != 0) {
                        live_table_add((uintptr_t)p, &record);
                } else {
                        filter_add((uintptr_t)p, -1);
                        stack_table_count(record.stack, record.size, record.weight, -1);
                        count(&agent.header->counters.frees, 1);
                }
                errno = saved;
        }
        return due ? sample_passed(q, n) : q;
}

EXPORT void *realloc(void *p, size_t n)
{
        bool due = sample_due(n);

        if (unlikely(due | filter_hit((uintptr_t)p)))
                return realloc_slow(p, n, due);
        return real.realloc(p, n);
}

EXPORT void *reallocarray(void *p, size_t count_, size_t size)
{
        size_t n;

        if (__builtin_mul_overflow(count_, size, &n)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(p, n);
}

static SLOW int posix_memalign_slow(void **ret, size_t alignment, size_t n)
{
        int err = real.posix_memalign(ret, alignment, n);

        if (err == 0)
                sample_passed(*ret, n);
        return err;
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t n)
{
        if (sample_due(n))
                return posix_memalign_slow(ret, alignment, n);
        return real.posix_memalign(ret, alignment, n);
}

static SLOW void *aligned_alloc_slow(size_t alignment, size_t n)
{
        return sample_passed(real.aligned_alloc(alignment, n), n);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
        if (sample_due(n))
                return aligned_alloc_slow(alignment, n);
        return real.aligned_alloc(alignment, n);
}

static SLOW void *memalign_slow(size_t alignment, size_t n)
{
        return sample_passed(real.memalign(alignment, n), n);
}

EXPORT void *memalign(size_t alignment, size_t n)
{
        if (sample_due(n))
                return memalign_slow(alignment, n);
        return real.memalign(alignment, n);
}

static SLOW void *valloc_slow(size_t n)
{
        return sample_passed(real.valloc(n), n);
}

EXPORT void *valloc(size_t n)
{
        if (sample_due(n))
                return valloc_slow(n);
        return real.valloc(n);
}

static SLOW void *pvalloc_slow(size_t n)
{
        return sample_passed(real.pvalloc(n), n);
}

EXPORT void *pvalloc(size_t n)
{
        if (sample_due(n))
                return pvalloc_slow(n);
        return real.pvalloc(n);
}
