/* SPDX-License-Identifier: MIT */
#include "trigger/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/group_tree.h"
#include "base/number.h"
#include "trigger/rearm.h"

/* A walk of the tree takes some 10 us per group: a thousandth of a core. */
#define WALK_SHORTEST_NS NS_PER_S
#define WALK_LONGEST_NS  (10 * NS_PER_S)
#define WALK_PART        1000

#define RANKED_SHORTEST_NS (5 * NS_PER_MS)

/* Groups with a limit beyond these are not looked at: a machine full of containers has some hundreds. */
#define PLACES_MAX 4096

struct walk {
        struct places *places;
        struct machine *machine;
        bool holds_all;
};

static uint64_t read_bytes(const char *dir, const char *file)
{
        char path[PATH_MAX + 64], text[64];
        struct buf b = BUF_FIXED(text, sizeof(text));

        snprintf(path, sizeof(path), "%s/%s", dir, file);
        return file_read_at(AT_FDCWD, path, &b) < 0 ? MEMORY_GROUP_UNLIMITED : memory_group_limit_parse(text);
}

/* As mem_cgroup_get_max() of mm/memcontrol.c has it. */
static uint64_t swap_beside(const struct places *p, const char *dir, uint64_t limit, uint64_t swap_total)
{
        uint64_t swap = MEMORY_GROUP_UNLIMITED;

        if (p->group.version == 2) {
                swap = read_bytes(dir, "memory.swap.max");
        } else {
                uint64_t both = read_bytes(dir, "memory.memsw.limit_in_bytes");

                if (both != MEMORY_GROUP_UNLIMITED)
                        swap = both > limit ? both - limit : 0;
        }
        return swap < swap_total ? swap : swap_total;
}

static void set_limit(struct places *p, struct place *place, uint64_t limit, uint64_t swap,
                      const struct machine *m)
{
        const struct trigger_wholes wholes = {.limit.bytes = limit,
                                              .nearest.bytes = limit,
                                              .mem_total = m->mem_total,
                                              .swap_total = m->swap_total};

        place->seen = true;
        place->limit = limit;
        place->swap = swap;
        place->level = p->arm->type->ops->level(p->arm, &wholes);
}

static struct place *place_find(struct places *p, const char *dir, const struct memory_group_gauge *gauge)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->items[i].gauge == gauge && (!dir || strcmp(p->items[i].dir, dir) == 0))
                        return &p->items[i];
        return NULL;
}

/* A place that was not known before; NULL when there is no room. */
static struct place *place_add(struct places *p, const char *dir, int usage_fd)
{
        struct place *place;
        char *copy = dir ? strdup(dir) : NULL;

        if (p->n == p->size && p->n < PLACES_MAX) {
                size_t size = p->size ? 2 * p->size : 16;
                struct place *items = reallocarray(p->items, size, sizeof(*items));

                if (items) {
                        p->items = items;
                        p->size = size;
                }
        }
        if ((dir && !copy) || p->n == p->size) {
                free(copy);
                fd_closep(&usage_fd);
                return NULL;
        }
        place = &p->items[p->n++];
        *place = (struct place){.dir = copy, .usage_fd = usage_fd};
        return place;
}

static void place_close(struct place *place)
{
        fd_closep(&place->usage_fd);
        free(place->dir);
}

static void visit_limit(struct walk *w, const char *dir, const struct memory_group_gauge *gauge)
{
        struct places *p = w->places;
        uint64_t limit = read_bytes(dir, gauge->limit);
        char path[PATH_MAX + 64];
        struct place *place;
        int fd;

        if (limit >= w->machine->mem_total)
                return;
        place = place_find(p, dir, gauge);
        if (!place) {
                snprintf(path, sizeof(path), "%s/%s", dir, gauge->usage);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                place = fd < 0 ? NULL : place_add(p, dir, fd);
                if (!place)
                        return;
                place->gauge = gauge;
                place->holds_all = w->holds_all;
        }
        set_limit(p, place, limit, swap_beside(p, dir, limit, w->machine->swap_total), w->machine);
}

static int visit(const char *dir, void *arg)
{
        struct walk *w = arg;
        size_t n;
        const struct memory_group_gauge *gauges =
                memory_group_gauges(w->places->group.version, w->machine->swap_total > 0, &n);

        for (size_t i = 0; i < n; i++)
                visit_limit(w, dir, &gauges[i]);
        return 0;
}

/* The group and those above it hold all that is watched. */
static void visit_upwards(struct walk *w)
{
        struct memory_group g = w->places->group;
        char dir[2 * PATH_MAX];

        w->holds_all = true;
        do {
                if (strcmp(g.path, "/") == 0)
                        snprintf(dir, sizeof(dir), "%s", g.mount);
                else
                        snprintf(dir, sizeof(dir), "%s%s", g.mount, g.path);
                visit(dir, w);
        } while (memory_group_up(&g));
        w->holds_all = false;
}

/* Find the places anew: groups and limits may have come and gone. */
static void walk(struct places *p, struct machine *m)
{
        struct walk w = {.places = p, .machine = m};
        struct place *machine = place_find(p, NULL, NULL);
        uint64_t begin_ns = clock_monotonic_ns(), pause_ns;
        size_t kept = 0;

        for (size_t i = 0; i < p->n; i++)
                p->items[i].seen = false;
        if (!machine) {
                machine = place_add(p, NULL, -1);
                if (machine)
                        machine->holds_all = true;
        }
        if (machine)
                set_limit(p, machine, m->mem_total, m->swap_total, m);
        if (p->has_group) {
                visit_upwards(&w);
                group_walk(p->dir, visit, &w);
        }
        for (size_t i = 0; i < p->n; i++) {
                if (p->items[i].seen)
                        p->items[kept++] = p->items[i];
                else
                        place_close(&p->items[i]);
        }
        p->n = kept;
        p->walk_ns = clock_monotonic_ns();
        pause_ns = WALK_PART * (p->walk_ns - begin_ns);
        if (pause_ns < WALK_SHORTEST_NS)
                pause_ns = WALK_SHORTEST_NS;
        p->walk_ns += pause_ns < WALK_LONGEST_NS ? pause_ns : WALK_LONGEST_NS;
}

int places_open(struct places *ret, const struct memory_group *group, const struct trigger *arm, bool ranked,
                uint64_t longest_ns, struct machine *m)
{
        struct places p = {.arm = arm, .ranked = ranked, .longest_ns = longest_ns};

        if (group) {
                p.group = *group;
                p.has_group = true;
        } else {
                p.has_group = group_root(&p.group, NULL) == 0;
        }
        if (p.has_group &&
            asprintf(&p.dir, "%s%s", p.group.mount, strcmp(p.group.path, "/") == 0 ? "" : p.group.path) < 0)
                return -ENOMEM;
        walk(&p, m);
        if (p.n == 0) {
                places_close(&p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

void places_close(struct places *p)
{
        for (size_t i = 0; i < p->n; i++)
                place_close(&p->items[i]);
        free(p->items);
        free(p->dir);
        *p = (struct places){0};
}

uint64_t place_headroom(const struct place *place)
{
        return place->limit > place->used ? place->limit - place->used : 0;
}

uint64_t place_time_left_ns(const struct place *place)
{
        double ns =
                place->speed.peak ? (double)place_headroom(place) / (double)place->speed.peak * NS_PER_S : -1;

        return ns < 0 || ns > (double)(UINT64_MAX / 2) ? UINT64_MAX : (uint64_t)ns;
}

static void read_used(struct place *place, struct machine *m, uint64_t now_ns)
{
        char text[32];
        const char *p = text;
        ssize_t n;

        if (!place->dir) {
                machine_refresh(m, now_ns, POLL_SHORTEST_NS);
                place->used = m->mem_total > m->available ? m->mem_total - m->available : 0;
                return;
        }
        n = pread(place->usage_fd, text, sizeof(text), 0);
        if (n > 0)
                number_scan(&p, text + n, 10, &place->used);
}

/* Near the limit somebody else may yet become the first victim. */
static uint64_t ranked_interval_ns(const struct place *place)
{
        uint64_t ns = place_time_left_ns(place) / 4;

        return ns < RANKED_SHORTEST_NS ? RANKED_SHORTEST_NS : ns < POLL_ARMED_NS ? ns : POLL_ARMED_NS;
}

/* Returns whether it has become near, or is near no more. */
static bool place_look(struct place *place, struct machine *m, bool ranked, uint64_t longest_ns,
                       uint64_t now_ns)
{
        bool was_near = place->near;
        uint64_t wait_ns;

        read_used(place, m, now_ns);
        poll_speed_update(&place->speed, place->used, now_ns);
        place->near = place->level != UINT64_MAX &&
                      (place->used >= place->level || (was_near && !rearm_is_dip(place->level, place->used)));
        if (place->level == UINT64_MAX)
                wait_ns = longest_ns;
        else if (place->near && ranked)
                wait_ns = ranked_interval_ns(place);
        else if (place->near)
                wait_ns = poll_interval_armed_ns(place_headroom(place), place->speed.peak, longest_ns);
        else
                wait_ns = poll_interval_ns(place->level - place->used, place->speed.peak, POLL_AT_REST_NS,
                                           longest_ns);
        place->next_ns = now_ns + wait_ns;
        return place->near != was_near;
}

bool places_look(struct places *p, struct machine *m, uint64_t now_ns)
{
        bool changed = false;

        if (now_ns >= p->walk_ns)
                walk(p, m);
        for (size_t i = 0; i < p->n; i++)
                if (now_ns >= p->items[i].next_ns)
                        changed |= place_look(&p->items[i], m, p->ranked, p->longest_ns, now_ns);
        return changed;
}

uint64_t places_next_ns(const struct places *p)
{
        uint64_t next_ns = p->walk_ns;

        for (size_t i = 0; i < p->n; i++)
                if (p->items[i].next_ns < next_ns)
                        next_ns = p->items[i].next_ns;
        return next_ns;
}

const struct place *places_fullest(const struct places *p)
{
        const struct place *fullest = NULL;
        double most = -1;

        for (size_t i = 0; i < p->n; i++) {
                double part = (double)p->items[i].used / ((double)p->items[i].limit + 1);

                if (part > most) {
                        most = part;
                        fullest = &p->items[i];
                }
        }
        return fullest;
}

void place_name(const struct places *p, const struct place *place, struct buf *out)
{
        const char *below = place->dir ? place->dir + strlen(p->group.mount) : NULL;

        if (!place->dir)
                buf_str(out, "this machine's memory");
        else
                buf_printf(out, "memory group %s%s", *below ? below : "/", place->gauge->beside);
}
