/* SPDX-License-Identifier: MIT */
#include "agent_so/malloc_stats/malloc_stats.h"

#include <dlfcn.h>
#include <string.h>

#include "agent_so/state.h"
#include "agent_so/modules/module_find.h"
#include "agent_so/interpose/real.h"
#include "agent_so/recorder/recorder.h"
#include "base/clock.h"

static const struct malloc_stats *const allocators[] = {
#define ALLOCATOR(name) &malloc_stats_##name,
#include "agent_so/malloc_stats/allocators.def"
#undef ALLOCATOR
};

static const struct malloc_stats *allocator(void)
{
        static const struct malloc_stats *found;
        static bool looked;

        for (size_t i = 0; !looked && i < sizeof(allocators) / sizeof(allocators[0]); i++)
                if (allocators[i]->find()) {
                        found = allocators[i];
                        break;
                }
        looked = true;
        return found;
}

const char *malloc_stats_name(void)
{
        return allocator() ? allocator()->name : "";
}

void *malloc_stats_symbol(const char *name)
{
        void *function = real_symbol(name);

        return function && real_is_allocator((uintptr_t)function) ? function : NULL;
}

void malloc_stats_take(bool arenas)
{
        static struct recorder_malloc
                rows[129]; /* one caller at a time: the service thread, or the only one */
        struct recorder_header *h = agent.header;
        struct recorder_malloc *entries = recorder_entries(RECORDER_MALLOC);
        size_t max = h->section[RECORDER_MALLOC].count, n;

        if (!allocator() || !recorder_reserve(entries, max * sizeof(*entries)))
                return;
        if (max > sizeof(rows) / sizeof(rows[0]))
                max = sizeof(rows) / sizeof(rows[0]);
        memset(rows, 0, sizeof(rows));
        n = allocator()->take(rows, max, arenas);
        if (n == 0)
                return;
        for (size_t i = 0; i < n; i++) {
                struct recorder_malloc *e = &entries[i];

                rows[i].time_ns = clock_monotonic_ns();
                rows[i].sequence = e->sequence + 2;
                __atomic_store_n(&e->sequence, e->sequence + 1, __ATOMIC_RELAXED);
                __atomic_thread_fence(__ATOMIC_RELEASE);
                memcpy((char *)e + sizeof(e->sequence), (char *)&rows[i] + sizeof(e->sequence),
                       sizeof(*e) - sizeof(e->sequence));
                __atomic_store_n(&e->sequence, rows[i].sequence, __ATOMIC_RELEASE);
        }
        /* Arenas of the last full taking stay while only the whole is taken anew. */
        if (arenas || h->counters.malloc_rows == 0)
                __atomic_store_n(&h->counters.malloc_rows, n, __ATOMIC_RELEASE);
}
