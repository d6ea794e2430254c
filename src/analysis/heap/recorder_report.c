/* SPDX-License-Identifier: MIT */
#include "analysis/heap/recorder_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/heap/heap.h"
#include "base/clock.h"

/* --- malloc --- */

static uint64_t known(const struct recorder_malloc *m, enum recorder_malloc_known which, uint64_t value)
{
        return m->known & which ? value : REPORT_UNKNOWN;
}

static int by_in_use(const void *a, const void *b)
{
        const struct report_arena *x = a, *y = b;
        uint64_t p = amount_sum(amount_or(x->in_use, 0), amount_or(x->free_held, 0)),
                 q = amount_sum(amount_or(y->in_use, 0), amount_or(y->free_held, 0));

        return p != q ? (p < q ? 1 : -1) : (x->number > y->number) - (x->number < y->number);
}

static int fill_arenas(const struct recorder *rec, struct report *r)
{
        uint64_t rows = rec->head.counters.malloc_rows;
        struct report_arena *list;
        size_t n = 0;

        rows = rows < rec->tables[RECORDER_MALLOC].count ? rows : rec->tables[RECORDER_MALLOC].count;
        list = pool_alloc(&r->pool, (rows + 1) * sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (uint64_t i = 1; i < rows; i++) {
                struct recorder_malloc m;

                if (!recorder_get_stable(rec, RECORDER_MALLOC, i, &m, sizeof(m)))
                        continue;
                list[n++] = (struct report_arena){
                        .number = m.arena,
                        .in_use = known(&m, RECORDER_MALLOC_IN_USE, m.in_use),
                        .free_held = known(&m, RECORDER_MALLOC_FREE_HELD, m.free_held),
                        .mmapped = known(&m, RECORDER_MALLOC_MMAPPED, m.mmapped),
                        .top = known(&m, RECORDER_MALLOC_TOP, m.top),
                };
        }
        qsort(list, n, sizeof(*list), by_in_use);
        r->malloc.arenas = list;
        r->malloc.n_arena_rows = n;
        return 0;
}

static int fill_malloc(const struct recorder *rec, struct report *r)
{
        struct recorder_malloc m;

        if (rec->head.allocator[0]) {
                r->malloc.allocator = pool_strdup(&r->pool, rec->head.allocator);
                if (!r->malloc.allocator)
                        return -ENOMEM;
        }
        r->malloc.time_ns = r->malloc.in_use = r->malloc.free_held = r->malloc.mmapped = r->malloc.top =
                r->malloc.resident = r->malloc.n_arenas = REPORT_UNKNOWN;
        if (!recorder_get_stable(rec, RECORDER_MALLOC, 0, &m, sizeof(m)) || m.time_ns == 0)
                return 0;
        r->malloc.time_ns = recorder_realtime(&rec->head, m.time_ns);
        r->malloc.in_use = known(&m, RECORDER_MALLOC_IN_USE, m.in_use);
        r->malloc.free_held = known(&m, RECORDER_MALLOC_FREE_HELD, m.free_held);
        r->malloc.mmapped = known(&m, RECORDER_MALLOC_MMAPPED, m.mmapped);
        r->malloc.top = known(&m, RECORDER_MALLOC_TOP, m.top);
        r->malloc.resident = known(&m, RECORDER_MALLOC_RESIDENT, m.resident);
        r->malloc.n_arenas = m.n_arenas;
        return fill_arenas(rec, r);
}

/* --- history --- */

static int by_time(const void *a, const void *b)
{
        const struct report_sample *x = a, *y = b;

        return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* All levels' samples, by time; a sample may stand in several levels. */
static size_t recorder_history(const struct recorder *rec, struct report_sample *list)
{
        size_t n = 0, kept = 0;

        for (size_t i = 0; i < rec->tables[RECORDER_HISTORY].count; i++) {
                struct recorder_sample s;

                if (!recorder_get_stable(rec, RECORDER_HISTORY, i, &s, sizeof(s)) ||
                    s.time_ns < rec->head.began_monotonic_ns || s.time_ns > recorder_last_ns(rec) + NS_PER_S)
                        continue;
                list[n++] = (struct report_sample){.time_ns = recorder_realtime(&rec->head, s.time_ns),
                                                   .rss = s.rss,
                                                   .anon = s.anon,
                                                   .file = s.file,
                                                   .shmem = s.shmem,
                                                   .swap = s.swap,
                                                   .group_usage = REPORT_UNKNOWN,
                                                   .available = REPORT_UNKNOWN};
        }
        qsort(list, n, sizeof(*list), by_time);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || list[i].time_ns > list[kept - 1].time_ns)
                        list[kept++] = list[i];
        return kept;
}

/* The watcher's samples are finer and know the group: the recorder's stand before them. */
static int fill_history(const struct recorder *rec, struct report *r)
{
        size_t room = rec->tables[RECORDER_HISTORY].count + r->n_history, n;
        struct report_sample *list = pool_alloc(&r->pool, (room + 1) * sizeof(*list));

        if (!list)
                return -ENOMEM;
        n = recorder_history(rec, list);
        while (n > 0 && r->n_history > 0 && list[n - 1].time_ns >= r->history[0].time_ns)
                n--;
        if (r->n_history > 0)
                memcpy(list + n, r->history, r->n_history * sizeof(*list));
        r->history = list;
        r->n_history += n;
        return 0;
}

/* --- notes --- */

static int fill_notes(const struct recorder *rec, struct report *r)
{
        uint64_t ring = rec->tables[RECORDER_NOTES].count, written = rec->head.counters.notes;
        uint64_t n = written < ring ? written : ring;
        struct report_note *list = pool_alloc(&r->pool, (n + 1) * sizeof(*list));

        if (!list)
                return -ENOMEM;
        r->notes = list;
        for (uint64_t i = written - n; i < written; i++) {
                struct recorder_note note;

                if (!recorder_get_stable(rec, RECORDER_NOTES, i % ring, &note, sizeof(note)))
                        continue;
                list[r->n_notes].time_ns = recorder_realtime(&rec->head, note.time_ns);
                list[r->n_notes].tid = note.tid <= INT32_MAX ? (int32_t)note.tid : 0;
                list[r->n_notes].text =
                        pool_strndup(&r->pool, note.text,
                                     note.length < sizeof(note.text) ? note.length : sizeof(note.text));
                if (!list[r->n_notes++].text)
                        return -ENOMEM;
        }
        return 0;
}

int recorder_report(const struct recorder *rec, const struct stacks_options *o, struct missing *missing,
                    struct report *r)
{
        int err = fill_malloc(rec, r);

        if (err == 0)
                err = heap_fill(rec, o, missing, r);
        if (err == 0)
                err = fill_history(rec, r);
        return err < 0 ? err : fill_notes(rec, r);
}
