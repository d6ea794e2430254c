/* SPDX-License-Identifier: MIT */
/* mi_process_info(), mimalloc 1.7 and later: it knows what it has committed, not what the program holds of it. */
#include "agent_so/malloc_stats/malloc_stats.h"

static void (*process_info)(size_t *, size_t *, size_t *, size_t *, size_t *, size_t *, size_t *, size_t *);

static bool find(void)
{
        process_info = (void (*)(size_t *, size_t *, size_t *, size_t *, size_t *, size_t *, size_t *,
                                 size_t *))malloc_stats_symbol("mi_process_info");
        return process_info != NULL;
}

static size_t take(struct recorder_malloc *rows, size_t max, bool arenas)
{
        size_t elapsed, user, system, rss, peak_rss, commit, peak_commit, faults;

        (void)max, (void)arenas;
        process_info(&elapsed, &user, &system, &rss, &peak_rss, &commit, &peak_commit, &faults);
        rows[0].resident = commit;
        rows[0].known = RECORDER_MALLOC_RESIDENT;
        return 1;
}

const struct malloc_stats malloc_stats_mimalloc = {.name = "mimalloc", .find = find, .take = take};
