/* SPDX-License-Identifier: MIT */
/* The rules about the heap, where an agent recorded it (these can name the code) or a census counted it. */
#include <string.h>

#include "analysis/amount.h"
#include "analysis/verdict/verdict.h"
#include "base/clock.h"
#include "base/size.h"

/* As for the other rules: half makes a cause. */
#define SHARE_MANY 0.5
#define SHARE_NEAR 0.75

/* A place that is named beside the first one holds at least this. */
#define SHARE_NAMED 0.05

/* The allocator's figures are asked for now and then; older ones say nothing of this moment. */
#define MALLOC_FRESH_NS (60 * NS_PER_S)

/* What an estimate is at least. */
static uint64_t at_least(uint64_t bytes, uint64_t error)
{
        return bytes > error ? bytes - error : 0;
}

static bool grows(const struct report_place *p)
{
        return p->frame && at_least(p->growth_bytes, p->growth_error) > 0;
}

/* Somebody had to care: it was killed, it grows, or little is left. */
static bool is_pressed(const struct verdict_facts *f)
{
        return f->growing || f->limit_share >= SHARE_NEAR || (f->r->kill && f->r->kill->was_target);
}

/* "shop::Cache::put at cache.cc:41" */
static void say_place(const struct report_frame *f, struct buf *b)
{
        const char *slash = f->file ? strrchr(f->file, '/') : NULL;

        if (f->function)
                buf_printf(b, "%.80s", f->function);
        else
                buf_printf(b, "%.80s+%#llx", f->module ? f->module : "",
                           (unsigned long long)amount_or(f->module_offset, f->pc));
        if (f->file)
                buf_printf(b, " at %.60s", slash ? slash + 1 : f->file);
        if (f->file && amount_known(f->line))
                buf_printf(b, ":%llu", (unsigned long long)f->line);
}

static void say_held(const struct report_place *p, uint64_t whole, struct buf *b)
{
        char size[SIZE_TEXT], error[SIZE_TEXT];

        buf_str(b, size_format(p->live_bytes, size));
        if (p->live_error > 0)
                buf_printf(b, " ± %s", size_format(p->live_error, error));
        buf_printf(b, " (%.0f %%)", 100 * amount_share(p->live_bytes, whole));
}

/* The places that grow, added up.  Their estimates are independent, but adding up the errors errs on the safe side. */
static uint64_t growing_at_least(const struct report *r, size_t *ret_n)
{
        uint64_t sum = 0;

        *ret_n = 0;
        for (size_t i = 0; i < r->heap.n_places; i++) {
                const struct report_place *p = &r->heap.places[i];

                if (!grows(p))
                        continue;
                sum = amount_sum(sum, at_least(p->live_bytes, p->live_error));
                ++*ret_n;
        }
        return sum;
}

static const struct report_place *first_growing(const struct report *r)
{
        for (size_t i = 0; i < r->heap.n_places; i++)
                if (grows(&r->heap.places[i]))
                        return &r->heap.places[i];
        return NULL;
}

void say_growing_place(const struct verdict_facts *f, struct buf *b)
{
        const struct report_place *first = f->r->heap.source ? first_growing(f->r) : NULL;

        if (!first)
                return;
        buf_str(b, "it grows at ");
        say_place(first->frame, b);
        buf_str(b, ", which holds ");
        say_held(first, f->rss, b);
}

static bool malloc_is_fresh(const struct report *r)
{
        return r->malloc.allocator && amount_known(r->malloc.time_ns) && amount_known(r->time_ns) &&
               r->malloc.time_ns + MALLOC_FRESH_NS >= r->time_ns;
}

void say_in_use(const struct verdict_facts *f, struct buf *b)
{
        const struct report *r = f->r;
        char used[SIZE_TEXT], free_held[SIZE_TEXT];

        if (!malloc_is_fresh(r) || amount_share(r->malloc.in_use, f->rss) < SHARE_MANY)
                return;
        buf_printf(b, "%s has %s in use", r->malloc.allocator, size_format(r->malloc.in_use, used));
        if (amount_known(r->malloc.free_held))
                buf_printf(b, " and %s free", size_format(r->malloc.free_held, free_held));
}

bool say_heap(const struct verdict_facts *f, struct buf *b)
{
        const struct report *r = f->r;
        char bytes[SIZE_TEXT];

        if (!r->heap.source || r->heap.n_places == 0 || !r->heap.places[0].frame)
                return false;
        buf_printf(b, "its RSS is not known; the heap of %s held %s, most of it from ", f->comm,
                   size_format(r->heap.live_bytes, bytes));
        say_place(r->heap.places[0].frame, b);
        buf_str(b, ": ");
        say_held(&r->heap.places[0], r->heap.live_bytes, b);
        return true;
}

void judge_heap_leak(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        const struct report_place *first = first_growing(r);
        uint64_t whole = f->rss > r->heap.live_bytes ? f->rss : r->heap.live_bytes, held;
        size_t n, evidence = 0;

        if (!r->heap.source || !first || whole < f->floor || !is_pressed(f))
                return;
        held = growing_at_least(r, &n);
        if (amount_share(held, whole) < SHARE_MANY)
                return;
        ret->certainty = CERTAINTY_CERTAIN;
        buf_printf(&ret->sentence, "%s leaks, or has no bound, at ", f->comm);
        say_place(first->frame, &ret->sentence);
        buf_str(&ret->sentence, ": it holds ");
        say_held(first, whole, &ret->sentence);
        buf_str(&ret->sentence, " and grows");
        if (n > 1)
                buf_printf(&ret->sentence, "; with %zu more places that grow at least %.0f %%", n - 1,
                           100 * amount_share(held, whole));
        if (r->heap.caller)
                buf_printf(&ret->sentence, "; %.0f %% of the heap on behalf of %.200s",
                           100 * amount_share(r->heap.caller_bytes, r->heap.live_bytes),
                           r->heap.caller->function);
        for (const struct report_place *p = first + 1;
             p < r->heap.places + r->heap.n_places && evidence < ARRAY_SIZE(ret->evidence); p++) {
                if (!grows(p) || amount_share(p->live_bytes, whole) < SHARE_NAMED)
                        continue;
                buf_str(&ret->evidence[evidence], "also growing: ");
                say_place(p->frame, &ret->evidence[evidence]);
                buf_str(&ret->evidence[evidence], ", ");
                say_held(p, whole, &ret->evidence[evidence]);
                evidence++;
        }
}

/* What malloc has free but cannot give back, because blocks in use lie on the same pages: only a census tells. */
void judge_pinned(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        uint64_t trimmable = amount_sum(r->census.trimmable, r->census.top);
        uint64_t pinned = amount_less(r->census.free_held, trimmable);
        char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];

        if (f->rss < f->floor || !r->census.layout || !amount_known(pinned) ||
            amount_share(pinned, f->rss) < SHARE_MANY)
                return;
        ret->certainty = amount_share(pinned, f->rss) >= SHARE_NEAR ? CERTAINTY_CERTAIN : CERTAINTY_LIKELY;
        buf_printf(&ret->sentence,
                   "%.0f %% of what %s holds is free memory that malloc cannot give back: blocks in use lie "
                   "between",
                   100 * amount_share(pinned, f->rss), f->comm);
        buf_printf(&ret->evidence[0], "in use %s, free %s, of which malloc_trim(3) could give back %s",
                   size_format(r->malloc.in_use, a), size_format(r->census.free_held, b),
                   size_format(trimmable, c));
        buf_printf(&ret->evidence[1], "the largest free block: %s", size_format(r->census.free_largest, a));
}

void judge_free_held(const struct verdict_facts *f, struct finding *ret)
{
        const struct report *r = f->r;
        double share = amount_share(r->malloc.free_held, f->rss);
        char held[SIZE_TEXT], used[SIZE_TEXT], top[SIZE_TEXT];

        if (!malloc_is_fresh(r) || f->rss < f->floor || share < SHARE_MANY)
                return;
        ret->certainty = share >= SHARE_NEAR ? CERTAINTY_CERTAIN : CERTAINTY_LIKELY;
        buf_printf(&ret->sentence, "%s has freed most of its memory, but %s keeps it: %s, %.0f %% of RSS",
                   f->comm, r->malloc.allocator, size_format(r->malloc.free_held, held), 100 * share);
        buf_printf(&ret->evidence[0], "in use: %s", size_format(amount_or(r->malloc.in_use, 0), used));
        if (amount_known(r->malloc.top))
                buf_printf(&ret->evidence[1],
                           "at the end of the heap, where malloc_trim() returns it at once: %s",
                           size_format(r->malloc.top, top));
}
