/* SPDX-License-Identifier: MIT */
/* mallctl(3) of jemalloc 3.0 and later.  Its statistics are a copy that writing "epoch" refreshes. */
#include "agent_so/malloc_stats/malloc_stats.h"

#include <stdio.h>

static int (*control)(const char *, void *, size_t *, void *, size_t);

static bool find(void)
{
        control = (int (*)(const char *, void *, size_t *, void *, size_t))malloc_stats_symbol("mallctl");
        return control != NULL;
}

static bool read_size(const char *name, uint64_t *ret)
{
        size_t value, size = sizeof(value);

        if (control(name, &value, &size, NULL, 0) != 0 || size != sizeof(value))
                return false;
        *ret = value;
        return true;
}

static bool read_arena(unsigned arena, const char *what, uint64_t *ret)
{
        char name[96];

        snprintf(name, sizeof(name), "stats.arenas.%u.%s", arena, what);
        return read_size(name, ret);
}

static size_t take(struct recorder_malloc *rows, size_t max, bool arenas)
{
        uint64_t epoch = 1, active, page = 0, small, large, pages;
        unsigned n_arenas = 0;
        size_t n = 1, size = sizeof(n_arenas);

        control("epoch", NULL, NULL, &epoch, sizeof(epoch));
        if (!read_size("stats.allocated", &rows[0].in_use))
                return 0; /* built without statistics */
        rows[0].known = RECORDER_MALLOC_IN_USE;
        if (read_size("stats.resident", &rows[0].resident)) {
                rows[0].known |= RECORDER_MALLOC_RESIDENT | RECORDER_MALLOC_FREE_HELD;
                rows[0].free_held = rows[0].resident > rows[0].in_use ? rows[0].resident - rows[0].in_use : 0;
        } else if (read_size("stats.active", &active)) {
                rows[0].known |= RECORDER_MALLOC_FREE_HELD;
                rows[0].free_held = active > rows[0].in_use ? active - rows[0].in_use : 0;
        }
        if (!arenas || control("arenas.narenas", &n_arenas, &size, NULL, 0) != 0 ||
            !read_size("arenas.page", &page))
                return n;
        rows[0].n_arenas = n_arenas;
        for (unsigned i = 0; i < n_arenas && n < max; i++) {
                struct recorder_malloc row = {.arena = i,
                                              .known = RECORDER_MALLOC_IN_USE | RECORDER_MALLOC_FREE_HELD};

                if (!read_arena(i, "small.allocated", &small) || !read_arena(i, "large.allocated", &large) ||
                    !read_arena(i, "pactive", &pages) || pages == 0)
                        continue;
                row.in_use = small + large;
                row.free_held = pages * page > row.in_use ? pages * page - row.in_use : 0;
                if (read_arena(i, "pdirty", &pages))
                        row.free_held += pages * page;
                rows[n++] = row;
        }
        return n;
}

const struct malloc_stats malloc_stats_jemalloc = {.name = "jemalloc", .find = find, .take = take};
