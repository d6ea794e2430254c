/* SPDX-License-Identifier: MIT */
/* gperftools' C interface, gperftools/malloc_extension_c.h.  One heap: no arenas. */
#include "agent_so/malloc_stats/malloc_stats.h"

static int (*property)(const char *, size_t *);

static bool find(void)
{
        property = (int (*)(const char *, size_t *))malloc_stats_symbol("MallocExtension_GetNumericProperty");
        return property != NULL;
}

static size_t take(struct recorder_malloc *rows, size_t max, bool arenas)
{
        size_t in_use, heap, unmapped;

        (void)max, (void)arenas;
        if (!property("generic.current_allocated_bytes", &in_use))
                return 0;
        rows[0].in_use = in_use;
        rows[0].known = RECORDER_MALLOC_IN_USE;
        if (property("generic.heap_size", &heap) && property("tcmalloc.pageheap_unmapped_bytes", &unmapped) &&
            heap >= unmapped) {
                rows[0].resident = heap - unmapped;
                rows[0].free_held = heap - unmapped > in_use ? heap - unmapped - in_use : 0;
                rows[0].known |= RECORDER_MALLOC_RESIDENT | RECORDER_MALLOC_FREE_HELD;
        }
        return 1;
}

const struct malloc_stats malloc_stats_tcmalloc = {.name = "tcmalloc", .find = find, .take = take};
