/* SPDX-License-Identifier: MIT */
#include "cli/watch/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/group_tree.h"
#include "cli/watch/victim.h"
#include "cli/watch/process.h"

/* A look at a process takes some 10 us: all together take 0.2 % of a core at rest, 1 % near a limit. */
#define REST_NS (5 * NS_PER_MS)
#define NEAR_NS NS_PER_MS

bool watch_place_is_near(const struct watcher *w)
{
        for (size_t i = 0; i < w->places.n; i++)
                if (w->places.items[i].near)
                        return true;
        return false;
}

/* "watching 3 processes in memory group /a; the fullest of 2 limits: 120 MiB of 2.00 GiB in use (memory group /a); armed from
 * 1.40 GiB" */
void watch_place_announce(struct watcher *w)
{
        const struct watch_targets *t = &w->options->targets;
        const struct place *fullest = places_fullest(&w->places);
        const struct trigger_wholes wholes = {.limit.bytes = fullest->limit, .nearest.bytes = fullest->limit};
        char used[SIZE_TEXT], limit[SIZE_TEXT], text[480];
        struct buf b = BUF_FIXED(text, sizeof(text));

        if (t->victim)
                buf_str(&b, "whoever the kernel would kill next");
        else
                buf_printf(&b, "%u process%s", w->set.n, w->set.n == 1 ? "" : "es");
        if (t->comm)
                buf_printf(&b, " called %s", t->comm);
        if (t->exe)
                buf_printf(&b, " of %s", t->exe);
        if (t->group)
                buf_printf(&b, " in memory group %s", w->group.kernel);
        buf_printf(&b, "; the fullest of %zu limits: %s of %s in use (", w->places.n,
                   size_format(fullest->used, used), size_format(fullest->limit, limit));
        place_name(&w->places, fullest, &b);
        buf_str(&b, "); ");
        trigger_announce(&w->options->arm, &wholes, &b);
        watch_say(&w->live, "watching %s", text);
}

int watch_place_start(struct watcher *w, struct diag *d)
{
        const struct watch_options *o = w->options;
        uint64_t now_ns = clock_monotonic_ns();
        int r = places_open(&w->places, o->targets.group ? &w->group : NULL, &o->arm, o->targets.victim,
                            o->interval_ns, &w->machine);

        if (r < 0)
                return diag_set(d, r, "the memory groups: %s", strerror(-r));
        places_look(&w->places, &w->machine, now_ns);
        w->place_ns = places_next_ns(&w->places);
        return 0;
}

uint64_t watch_place_pace_ns(const struct watcher *w, const struct watched *p, uint64_t sleep_ns)
{
        uint64_t near_ns = w->set.n * NEAR_NS, rest_ns = w->set.n * REST_NS;

        /* A condition of its own is waited for as it wants to be. */
        if (sleep_ns < w->options->rules.longest_ns)
                return sleep_ns;
        if (!p->near)
                return rest_ns > sleep_ns ? rest_ns : sleep_ns;
        if (near_ns < POLL_AT_REST_NS)
                near_ns = POLL_AT_REST_NS;
        return near_ns < sleep_ns ? near_ns : sleep_ns;
}

/* Are all processes that are watched in a place near its limit? */
static bool all_are_near(const struct watcher *w)
{
        for (size_t i = 0; i < w->places.n; i++)
                if (w->places.items[i].near && w->places.items[i].holds_all)
                        return true;
        return false;
}

void watch_place_set_near(struct watched *p, bool near)
{
        if (near && !p->near)
                p->next_ns = 0;
        p->near = near;
}

/* Of one never looked at the size is not known: it is taken for a small one. */
static uint64_t size_of(const struct watched *p)
{
        uint64_t rss = p->observer.sampler.now.rss;

        return rss == SAMPLE_UNKNOWN ? 0 : rss;
}

static int by_size(const void *a, const void *b)
{
        uint64_t x = size_of(*(struct watched *const *)a), y = size_of(*(struct watched *const *)b);

        return (x < y) - (x > y);
}

void watch_place_mark(struct watcher *w)
{
        static struct watched *by_turn[WATCH_SET_MAX];
        _cleanup_pid_list_ struct pid_list near = {0};
        bool all = all_are_near(w);
        unsigned n = 0;

        for (size_t i = 0; i < w->places.n && !all; i++)
                if (w->places.items[i].near)
                        group_processes(w->places.items[i].dir, &near);
        for (unsigned i = 0; i < w->set.n; i++) {
                struct watched *p = w->set.items[i];

                if (p->ended || p->gone)
                        continue;
                watch_place_set_near(p, all || pid_list_has(&near, p->target.pid));
                by_turn[n++] = p;
        }
        /* The largest is whom the kernel is likely to take, and to take first: to attend a thousand takes 40 ms. */
        qsort(by_turn, n, sizeof(struct watched *), by_size);
        for (unsigned i = 0; i < n; i++)
                watch_process_attend(w, by_turn[i]);
}

void watch_place_look(struct watcher *w, uint64_t now_ns)
{
        bool changed = places_look(&w->places, &w->machine, now_ns);

        w->place_ns = places_next_ns(&w->places);
        if (w->options->targets.victim) {
                if (changed || now_ns >= watch_victim_due_ns(w))
                        watch_victim_choose(w);
                if (watch_victim_due_ns(w) < w->place_ns)
                        w->place_ns = watch_victim_due_ns(w);
        } else if (changed) {
                watch_place_mark(w);
        }
}
