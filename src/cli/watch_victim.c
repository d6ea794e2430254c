/* SPDX-License-Identifier: MIT */
#include "cli/watch_victim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/group_tree.h"
#include "cli/watch_find.h"
#include "cli/watch_place.h"
#include "trigger/badness.h"

#define VICTIMS      3
#define VICTIMS_STAY 6

#define RANK_AT_REST_NS  (10 * NS_PER_S)
#define RANK_NEAR_NS     (2 * NS_PER_S)
#define RANK_SHORTEST_NS (20 * NS_PER_MS)

/* So many rankings in the time that is left, and the part of a core that they may take. */
#define RANKS_LEFT 4
#define RANK_PART  10

/* What the rankings of all places have found; sorted before it is looked into. */
struct choice {
        struct watcher *w;
        int proc_fd;
        struct pid_list ranked; /* could be killed at all */
        struct pid_list stay;   /* among the first of some place: who is watched stays so */
        struct pid_list near;   /* and that place is near its limit */
};

static uint64_t total_pages(const struct place *place)
{
        return badness_total_pages(place->limit, place->swap, (uint64_t)sysconf(_SC_PAGESIZE));
}

/* The next victims among `pids` when a place of so many pages is full. */
static void rank(struct choice *c, const struct pid_list *pids, uint64_t pages, bool near)
{
        _cleanup_free_ struct badness_rank *ranks = calloc(pids->n ? pids->n : 1, sizeof(*ranks));
        size_t n = ranks ? badness_rank(c->proc_fd, pids->items, pids->n, getpid(), pages, ranks) : 0;
        unsigned chosen = 0;

        for (size_t i = 0; i < n && chosen < VICTIMS; i++)
                if (watch_set_has(&c->w->set, ranks[i].pid) || watch_find_add(c->w, ranks[i].pid) > 0)
                        chosen++;
        for (size_t i = 0; i < n; i++) {
                pid_list_add(&c->ranked, ranks[i].pid);
                if (i < VICTIMS_STAY) {
                        pid_list_add(&c->stay, ranks[i].pid);
                        if (near)
                                pid_list_add(&c->near, ranks[i].pid);
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
                        watch_loop_attend(c->w, p);
                else if (!is_held(pid))
                        watch_loop_retire(c->w, p);
        }
}

static uint64_t pause_ns(const struct places *places, uint64_t cost_ns)
{
        uint64_t ns = RANK_AT_REST_NS, shortest_ns = RANK_PART * cost_ns;

        for (size_t i = 0; i < places->n; i++) {
                uint64_t left_ns = place_time_left_ns(&places->items[i]) / RANKS_LEFT;

                if (!places->items[i].near)
                        continue;
                if (ns > RANK_NEAR_NS)
                        ns = RANK_NEAR_NS;
                if (ns > left_ns)
                        ns = left_ns;
        }
        if (shortest_ns < RANK_SHORTEST_NS)
                shortest_ns = RANK_SHORTEST_NS;
        return ns < shortest_ns ? shortest_ns : ns;
}

void watch_victim_choose(struct watcher *w, uint64_t now_ns)
{
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
        w->rank_ns = clock_monotonic_ns();
        w->rank_ns += pause_ns(&w->places, w->rank_ns - now_ns);
}
