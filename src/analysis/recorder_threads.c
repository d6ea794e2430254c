/* SPDX-License-Identifier: MIT */
/* The threads' stacks that the agent took itself, at its signal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/recorder_frames.h"
#include "analysis/recorder_report.h"

/* A forged recorder may list any number; which stacks are the same is looked for one by one. */
#define THREADS_MOST 16384

static char *thread_name(const struct recorder_thread *t, struct pool *pool)
{
        return pool_strndup(pool, t->name, strnlen(t->name, sizeof(t->name)));
}

/* The number of the newest dump that any thread was in. */
static uint32_t newest_dump(const struct recorder *rec)
{
        struct recorder_thread t;
        uint32_t newest = 0;

        for (size_t i = 0; i < rec->tables[RECORDER_THREADS].count; i++)
                if (recorder_get_stable(rec, RECORDER_THREADS, i, &t, sizeof(t)) && t.dump > newest)
                        newest = t.dump;
        return newest;
}

static size_t first_like(const struct recorder_thread *threads, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (threads[k].stack == threads[i].stack)
                        return k;
        return i;
}

static int threads_make(const struct recorder *rec, const struct stacks_options *o,
                        const struct recorder_thread *threads, size_t n, struct report *r)
{
        static const struct stacks_options plain = {.binaries_fd = -1};
        struct report_thread *list = pool_alloc(&r->pool, (n + 1) * sizeof(*list));
        _cleanup_free_ struct recorder_stack_shown *shown = calloc(n + 1, sizeof(*shown));
        _cleanup_free_ uint32_t *stacks = calloc(n + 1, sizeof(*stacks));
        int err;

        if (!list || !shown || !stacks)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                stacks[i] = threads[i].stack;
        err = recorder_resolve(rec, o ? o : &plain, r, &r->pool, stacks, n, shown, NULL, NULL);
        if (err < 0)
                return err;
        for (size_t i = 0; i < n; i++) {
                struct recorder_stack s;
                bool has = shown[i].n_frames > 0 && recorder_get_stack(rec, stacks[i], &s);

                list[i] = (struct report_thread){
                        .tid = threads[i].tid <= INT32_MAX ? (int32_t)threads[i].tid : 0,
                        .comm = thread_name(&threads[i], &r->pool),
                        .captured = has ? "agent" : "none",
                        .reason = has ? NULL : "it did not answer the agent's signal",
                        .complete = has && !(s.flags & RECORDER_STACK_CUT),
                        .frames = shown[i].frames,
                        .n_frames = shown[i].n_frames,
                        .same_stack_as = first_like(threads, i)};
                if (!list[i].comm)
                        return -ENOMEM;
                r->n_threads_captured += has;
        }
        r->threads = list;
        r->n_threads = n;
        return 0;
}

int recorder_threads(const struct recorder *rec, const struct stacks_options *o, struct report *r)
{
        uint32_t dump = newest_dump(rec);
        _cleanup_free_ struct recorder_thread *threads =
                calloc(rec->tables[RECORDER_THREADS].count + 1, sizeof(*threads));
        size_t n = 0;

        if (!threads)
                return -ENOMEM;
        for (size_t i = 0; dump > 0 && n < THREADS_MOST && i < rec->tables[RECORDER_THREADS].count; i++)
                if (recorder_get_stable(rec, RECORDER_THREADS, i, &threads[n], sizeof(threads[n])) &&
                    threads[n].dump == dump)
                        n++;
        return n ? threads_make(rec, o, threads, n, r) : 0;
}
