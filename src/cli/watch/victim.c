/* SPDX-License-Identifier: MIT */
#include "cli/watch/victim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/group_tree.h"
#include "cli/watch/find.h"
#include "cli/watch/place.h"
#include "cli/watch/process.h"
#include "trigger/badness.h"

#define VICTIMS      3
#define VICTIMS_STAY 6

/* Far from all limits: a thousandth of a core, and between these. */
#define REST_SHORTEST_NS NS_PER_S
#define REST_LONGEST_NS  (10 * NS_PER_S)
#define REST_PART        1000

/* Near one: so many rankings in the time that is left, at most a fiftieth of a core. */
#define NEAR_SHORTEST_NS (5 * NS_PER_MS)
#define NEAR_LONGEST_NS  (2 * NS_PER_S)
#define NEAR_PART        50
#define NEAR_RANKINGS    4

/* The next one to be armed does not wait any longer. */
#define NEXT_ARM_NS (100 * NS_PER_MS)

/* What the rankings of all places have found; sorted before it is looked into. */
struct choice {
        struct watcher *w;
        int proc_fd;
        struct pid_list ranked; /* could be killed at all */
        struct pid_list stay;   /* among the first of some place: who is watched stays so */
        struct pid_list near;   /* and that place is near its limit */
        bool more;              /* to be armed by the next ranking */
};

static uint64_t total_pages(const struct place *place)
{
        return badness_total_pages(place->limit, place->swap, (uint64_t)sysconf(_SC_PAGESIZE));
}

/* Watched from now on, unless it is already; or NULL. */
static struct watched *choose(struct watcher *w, pid_t pid)
{
        struct watched *p = watch_set_find(&w->set, pid);

        if (!p && watch_find_add(w, pid) > 0)
                p = watch_set_find(&w->set, pid);
        return p;
}

/* The next victims among `pids` when a place of so many pages is full.  Only one more of them is armed by each ranking, the first
 * one first: to attend takes memory, too, and there may be no time for the others. */
static void rank(struct choice *c, const struct pid_list *pids, uint64_t pages, bool near)
{
        _cleanup_free_ struct badness_rank *ranks = calloc(pids->n ? pids->n : 1, sizeof(*ranks));
        size_t n = ranks ? badness_rank(c->proc_fd, pids->items, pids->n, getpid(), pages, ranks) : 0;
        bool may_arm = near;
        unsigned chosen = 0;

        for (size_t i = 0; i < n; i++) {
                struct watched *p = chosen < VICTIMS ? choose(c->w, ranks[i].pid)
                                                     : watch_set_find(&c->w->set, ranks[i].pid);

                pid_list_add(&c->ranked, ranks[i].pid);
                if (!p || i >= VICTIMS_STAY)
                        continue;
                chosen++;
                pid_list_add(&c->stay, ranks[i].pid);
                if (may_arm || (near && p->near))
                        pid_list_add(&c->near, ranks[i].pid);
                c->more |= near && !may_arm && !p->near && i < VICTIMS;
                if (may_arm && !p->near) {
                        watch_place_set_near(p, true);
                        watch_process_attend(c->w, p);
                        may_arm = false;
                }
        }
}

static void rank_places(struct choice *c)
{
        struct watcher *w = c->w;
        _cleanup_pid_list_ struct pid_list all = {0};
        const struct place *machine = NULL;
        bool near = false;

        if (watch_find_candidates(w, &all) < 0)
                return;
        for (size_t i = 0; i < w->places.n; i++) {
                const struct place *place = &w->places.items[i];
                _cleanup_pid_list_ struct pid_list some = {0};

                if (!place->dir)
                        machine = place;
                if (!place->near)
                        continue;
                near |= place->holds_all;
                if (place->holds_all)
                        rank(c, &all, total_pages(place), true);
                else if (group_processes(place->dir, &some) == 0)
                        rank(c, &some, total_pages(place), true);
        }
        if (!near && machine)
                rank(c, &all, total_pages(machine), false);
}

/* One that is held in its exit is being captured, and leaves by itself. */
static bool is_held(pid_t pid)
{
        _cleanup_target_ struct target t = TARGET_NONE;

        return target_open(pid, &t, NULL) == 0 && t.state == 't';
}

/* Who has no memory any more is not ranked, and left to its end. */
static void apply(struct choice *c)
{
        for (unsigned i = 0; i < c->w->set.n; i++) {
                struct watched *p = c->w->set.items[i];
                pid_t pid = p->target.pid;

                if (p->ended || p->gone || !pid_list_has(&c->ranked, pid))
                        continue;
                watch_place_set_near(p, pid_list_has(&c->near, pid));
                if (pid_list_has(&c->stay, pid))
                        watch_process_attend(c->w, p);
                else if (p->arm != ARM_DYING && !is_held(pid))
                        watch_process_retire(c->w, p);
        }
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
        return value < least ? least : value > most ? most : value;
}

/* How long the last ranking holds. */
static uint64_t pause_ns(const struct watcher *w)
{
        uint64_t left_ns = w->rank_more ? NEAR_RANKINGS * NEXT_ARM_NS : UINT64_MAX, cost_ns = w->rank_cost_ns;

        if (!watch_place_is_near(w))
                return clamp(REST_PART * cost_ns, REST_SHORTEST_NS, REST_LONGEST_NS);
        for (size_t i = 0; i < w->places.n; i++) {
                const struct place *place = &w->places.items[i];

                if (place->near && place_time_left_ns(place) < left_ns)
                        left_ns = place_time_left_ns(place);
        }
        left_ns = clamp(left_ns / NEAR_RANKINGS, NEAR_SHORTEST_NS, NEAR_LONGEST_NS);
        return clamp(NEAR_PART * cost_ns, left_ns, NEAR_LONGEST_NS);
}

void watch_victim_choose(struct watcher *w)
{
        uint64_t begin_ns = clock_monotonic_ns();
        struct choice c = {.w = w, .proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

        if (c.proc_fd >= 0) {
                rank_places(&c);
                pid_list_sort(&c.ranked);
                pid_list_sort(&c.stay);
                pid_list_sort(&c.near);
                apply(&c);
        }
        fd_closep(&c.proc_fd);
        pid_list_done(&c.ranked);
        pid_list_done(&c.stay);
        pid_list_done(&c.near);
        w->rank_more = c.more;
        w->ranked_ns = clock_monotonic_ns();
        w->rank_cost_ns = w->ranked_ns - begin_ns;
}

uint64_t watch_victim_due_ns(const struct watcher *w)
{
        return w->ranked_ns + pause_ns(w);
}
