/* SPDX-License-Identifier: MIT */
/* The threads' stacks that the agent took itself, at its signal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/amount.h"
#include "analysis/heap/recorder_frames.h"
#include "analysis/heap/recorder_report.h"
#include "base/clock.h"

/* A forged recorder may list any number; which stacks are the same is looked for one by one. */
#define THREADS_MOST 16384

/* A dump that is asked for by `swansong dump` comes just before the rest. */
#define FRESH_NS (60 * NS_PER_S)

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
                        const struct recorder_thread *threads, size_t n, struct report *r,
                        struct report_thread **ret)
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
                size_t first = first_like(threads, i);
                struct recorder_stack s;
                bool has = shown[first].n_frames > 0 && recorder_get_stack(rec, stacks[i], &s);

                list[i] = (struct report_thread){
                        .tid = threads[i].tid <= INT32_MAX ? (int32_t)threads[i].tid : 0,
                        .comm = thread_name(&threads[i], &r->pool),
                        .captured = has ? "agent" : "none",
                        .reason = has ? NULL : "it did not answer the agent's signal",
                        .complete = has && !(s.flags & RECORDER_STACK_CUT),
                        .frames = shown[first].frames,
                        .n_frames = shown[first].n_frames,
                        .same_stack_as = first};
                if (!list[i].comm)
                        return -ENOMEM;
        }
        *ret = list;
        return 0;
}

/* Does the dump belong to this report?  A recorder alone is its own report. */
static bool is_fresh(const struct recorder *rec, const struct report *r)
{
        uint64_t dump_ns = recorder_realtime(&rec->head, rec->head.dump_ns);

        return r->n_threads == 0 || (amount_known(r->time_ns) && dump_ns + FRESH_NS > r->time_ns &&
                                     dump_ns < r->time_ns + FRESH_NS);
}

static const struct report_thread *of_tid(const struct report_thread *list, size_t n, int32_t tid)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].tid == tid && list[i].n_frames > 0)
                        return &list[i];
        return NULL;
}

/* Threads that could not be stopped have the stack that they took themselves. */
static int merge(const struct report_thread *own, size_t n, struct report *r)
{
        struct report_thread *list = pool_alloc(&r->pool, r->n_threads * sizeof(*list));

        if (!list)
                return -ENOMEM;
        r->n_threads_captured = 0;
        for (size_t i = 0; i < r->n_threads; i++) {
                const struct report_thread *better = NULL;

                list[i] = r->threads[i];
                if (!list[i].captured || strcmp(list[i].captured, "stopped") != 0)
                        better = of_tid(own, n, list[i].tid);
                if (better) {
                        list[i].captured = better->captured;
                        list[i].reason = NULL;
                        list[i].complete = better->complete;
                        list[i].frames = better->frames;
                        list[i].n_frames = better->n_frames;
                        list[i].same_stack_as = i;
                        for (size_t k = 0; k < i; k++)
                                if (list[k].frames == better->frames)
                                        list[i].same_stack_as = k;
                }
                r->n_threads_captured += list[i].n_frames > 0;
        }
        r->threads = list;
        return 0;
}

static size_t threads_of(const struct recorder *rec, uint32_t dump, struct recorder_thread *ret)
{
        size_t n = 0;

        for (size_t i = 0; n < THREADS_MOST && i < rec->tables[RECORDER_THREADS].count; i++)
                if (recorder_get_stable(rec, RECORDER_THREADS, i, &ret[n], sizeof(ret[n])) &&
                    ret[n].dump == dump)
                        n++;
        return n;
}

int recorder_threads(const struct recorder *rec, const struct stacks_options *o, struct report *r)
{
        uint32_t dump = newest_dump(rec);
        _cleanup_free_ struct recorder_thread *threads =
                calloc(rec->tables[RECORDER_THREADS].count + 1, sizeof(*threads));
        struct report_thread *own;
        size_t n;
        int err;

        if (!threads)
                return -ENOMEM;
        if (dump == 0 || !is_fresh(rec, r))
                return 0;
        n = threads_of(rec, dump, threads);
        err = threads_make(rec, o, threads, n, r, &own);
        if (err < 0 || r->n_threads > 0)
                return err == 0 && r->n_threads <= THREADS_MOST ? merge(own, n, r) : err;
        r->threads = own;
        r->n_threads = n;
        r->n_threads_captured = 0;
        for (size_t i = 0; i < n; i++)
                r->n_threads_captured += own[i].n_frames > 0;
        return 0;
}
