/* SPDX-License-Identifier: MIT */
/* mmap - anonymous memory that the program maps by itself: pymalloc's arenas, garbage-collected heaps, big buffers.
 *
 * A mapping of at least the mean is recorded exactly, a smaller one is sampled as a block is.  Not counted: mappings without
 * write permission (reservations; what mprotect() opens later is not seen), and those of the allocator underneath.  What
 * counts is the size of the mapping, touched or not.
 *
 * A thread that may be cancelled at any instant (PTHREAD_CANCEL_ASYNCHRONOUS) must not allocate, but it may map: not while it holds
 * the index.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_so/recorder/live_table.h"
#include "agent_so/interpose/mapping_index.h"
#include "agent_so/interpose/mmap.h"
#include "agent_so/sampling/draw.h"
#include "agent_so/sampling/poisson.h"
#include "agent_so/interpose/real.h"
#include "agent_so/sampling/sample.h"
#include "agent_so/recorder/stack_table.h"
#include "agent_so/uncancelled.h"

typedef void *map_function(void *, size_t, int, int, int, off_t);
typedef int unmap_function(void *, size_t);
typedef void *remap_function(void *, size_t, size_t, int, ...);

static map_function *next_mmap;
static unmap_function *next_munmap;
static remap_function *next_mremap;

/* Looked up in the constructor.  Until then, and where there is no next: the system call.  Never dlsym() from here: an
 * allocator maps while it initialises itself. */
void mmap_resolve(void)
{
        next_mremap = (remap_function *)real_symbol("mremap");
        next_munmap = (unmap_function *)real_symbol("munmap");
        next_mmap = (map_function *)real_symbol("mmap");
}

static void *real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
        if (next_mmap)
                return next_mmap(at, n, prot, flags, fd, offset);
        return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

static size_t whole_pages(size_t n)
{
        return (n + 4095) & ~(size_t)4095;
}

/* One part of a recorded mapping stays. */
static void keep_part(uintptr_t start, uintptr_t end, struct recorder_live record)
{
        record.size = end - start;
        if (mapping_index_add(start, end)) {
                if (live_table_add(start, &record)) {
                        stack_table_count(record.stack, record.size, record.weight, 1);
                        return;
                }
                mapping_index_remove(start);
        }
        header_flag(RECORDER_MAPS_FULL);
}

/* [start, end) is going away: cut it out of what is recorded. */
static void forget(uintptr_t start, uintptr_t end)
{
        struct mapping found;
        struct recorder_live record;

        if (mapping_index_empty() || !mapping_index_lock())
                return;
        while (mapping_index_overlap(start, end, &found)) {
                mapping_index_remove(found.start);
                if (!live_table_remove(found.start, &record))
                        continue;
                stack_table_count(record.stack, record.size, record.weight, -1);
                if (found.start < start)
                        keep_part(found.start, start, record);
                if (found.end > end)
                        keep_part(end, found.end, record);
                count(&agent.header->counters.frees, 1);
        }
        mapping_index_unlock();
}

/* The program has this mapping, and it is to be recorded: exactly, or as one that was sampled with this mean. */
static __attribute__((always_inline)) inline void record(uintptr_t start, size_t n, uint64_t mean)
{
        struct unwind_regs regs;

        if (!mapping_index_lock())
                return;
        unwind_regs_here(&regs);
        if (mapping_index_add(start, start + n))
                sample_add((void *)start, n, n < mean ? mean : 1, RECORDER_STACK_MAP, &regs);
        else
                header_flag(RECORDER_MAPS_FULL);
        mapping_index_unlock();
}

static void remember(uintptr_t start, size_t n)
{
        uint64_t mean = agent.header->mean;

        if (n < mean && (!sample_due(n) || !sample_draw(n, &mean)))
                return;
        record(start, n, mean);
}

static __attribute__((noinline)) void *map(void *at, size_t n, int prot, int flags, int fd, off_t offset,
                                           uintptr_t caller)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        bool ours = !real_is_allocator(caller) && agent_enter();
        void *p;

        if (!ours)
                return real_mmap(at, n, prot, flags, fd, offset);
        /* What is mapped over goes away. */
        if ((flags & MAP_FIXED) && agent.state == AGENT_ON)
                forget((uintptr_t)at, (uintptr_t)at + whole_pages(n));
        p = real_mmap(at, n, prot, flags, fd, offset);
        if (p != MAP_FAILED && (flags & MAP_ANONYMOUS) && (prot & PROT_WRITE) && agent_ready())
                remember((uintptr_t)p, whole_pages(n));
        agent_leave();
        return p;
}

EXPORT void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
        return map(at, n, prot, flags, fd, offset, (uintptr_t)__builtin_return_address(0));
}

EXPORT void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset)
        __attribute__((alias("mmap")));

EXPORT int munmap(void *at, size_t n)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();

        if (!mapping_index_empty() && agent.state == AGENT_ON && agent_enter()) {
                forget((uintptr_t)at, (uintptr_t)at + whole_pages(n));
                agent_leave();
        }
        return next_munmap ? next_munmap(at, n) : (int)syscall(SYS_munmap, at, n);
}

/* A mapping of a file has an entry here, named by its bounds; anonymous memory has none. */
static bool is_anonymous(uintptr_t start, size_t n)
{
        static const char files[] = "/proc/self/map_files";
        char path[sizeof(files) + 2 * 17];
        struct stat st;

        if (agent_sealed || lstat(files, &st) < 0)
                return false;
        snprintf(path, sizeof(path), "%s/%lx-%lx", files, (unsigned long)start, (unsigned long)(start + n));
        return lstat(path, &st) < 0 && errno == ENOENT;
}

/* Cut the mapping at [start, end) out of what is recorded.  false: it was not. */
static bool take(uintptr_t start, uintptr_t end, struct recorder_live *ret)
{
        struct mapping found;
        bool known = false;

        if (mapping_index_empty() || !mapping_index_lock())
                return false;
        if (mapping_index_overlap(start, end, &found))
                known = live_table_get(found.start, ret);
        mapping_index_unlock();
        forget(start, end);
        return known;
}

/* It was where it was before. */
static void put_back(uintptr_t start, size_t n, struct recorder_live known)
{
        if (mapping_index_lock()) {
                keep_part(start, start + n, known);
                mapping_index_unlock();
        }
}

/* A mapping has another size: is it among those recorded, of which each of `*mean` bytes and more is?  One that has grown had
 * the chance of so many bytes more; of those that shrink some are left out, as they would have been at this size. */
static bool stays(const struct recorder_live *known, size_t n, size_t new_size, uint64_t *mean)
{
        if (known)
                return new_size >= *mean ||
                       draw_uniform() * (double)(int64_t)poisson_weight(new_size, *mean) <=
                               (double)(int64_t)known->weight;
        if (n >= *mean || new_size <= n)
                return false; /* not ours to count: it would be known */
        return new_size >= *mean || (sample_due(new_size - n) && sample_draw(new_size - n, mean));
}

static void resized(const struct recorder_live *known, uintptr_t start, size_t n, size_t new_size)
{
        uint64_t mean = agent.header->mean;

        if (stays(known, n, new_size, &mean) && (known || is_anonymous(start, new_size)))
                record(start, new_size, mean);
}

EXPORT void *mremap(void *at, size_t n, size_t new_size, int flags, ...)
{
        _uncancelled_ struct uncancelled cancel = uncancelled_begin();
        bool ours = agent_enter(), known = false;
        uintptr_t start = (uintptr_t)at;
        struct recorder_live was;
        va_list arguments;
        int saved;
        void *to, *p;

        va_start(arguments, flags);
        to = flags & MREMAP_FIXED ? va_arg(arguments, void *) : NULL;
        va_end(arguments);
        if (ours && agent.state == AGENT_ON) {
                known = take(start, start + whole_pages(n), &was);
                if (flags & MREMAP_FIXED)
                        forget((uintptr_t)to, (uintptr_t)to + whole_pages(new_size));
        }
        p = next_mremap ? next_mremap(at, n, new_size, flags, to)
                        : (void *)syscall(SYS_mremap, at, n, new_size, flags, to);
        if (!ours)
                return p;
        saved = errno;
        if (p == MAP_FAILED && known)
                put_back(start, whole_pages(n), was);
        else if (p != MAP_FAILED && agent_ready())
                resized(known ? &was : NULL, (uintptr_t)p, whole_pages(n), whole_pages(new_size));
        errno = saved;
        agent_leave();
        return p;
}
