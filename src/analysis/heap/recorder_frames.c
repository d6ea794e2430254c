/* SPDX-License-Identifier: MIT */
#include "analysis/heap/recorder_frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stacks/frames.h"
#include "base/buf.h"
#include "base/file.h"

/* Addresses of user space end far below, on every machine that we know. */
#define PLACES_START (UINT64_C(1) << 63)
#define PLACES_ALIGN (UINT64_C(1) << 21)

#define MODULES_MAX 65536

/* Bounds for forged recorders: modules that share an address, looked at one by one; frames of all stacks. */
#define OVERLAP_MAX 1024
#define FRAMES_MOST (1u << 20)

/* A module's own place: address + shift is there. */
struct placed {
        struct recorder_module entry;
        uint64_t shift;
};

struct resolver {
        const struct recorder *r;
        const struct report *maps;
        struct pool *pool;
        struct core core; /* only says for which machine */
        struct modules modules;
        struct module_finder finder;
        struct placed *placed; /* by start; of the same index as in modules.modules */
        size_t n_placed;
        uint64_t longest; /* bytes of the longest module */
};

static int by_start(const void *a, const void *b)
{
        const struct placed *x = a, *y = b;

        return (x->entry.start > y->entry.start) - (x->entry.start < y->entry.start);
}

static int read_modules(struct resolver *v)
{
        size_t most = v->r->tables[RECORDER_MODULES].count, n = 0;

        most = most < MODULES_MAX ? most : MODULES_MAX;
        v->placed = pool_alloc(v->pool, (most + 1) * sizeof(*v->placed));
        if (!v->placed)
                return -ENOMEM;
        for (size_t i = 0; i < most; i++) {
                struct recorder_module *m = &v->placed[n].entry;

                if (!recorder_get_stable(v->r, RECORDER_MODULES, i, m, sizeof(*m)) || m->end <= m->start ||
                    m->end >= PLACES_START || m->build_id_length > RECORDER_BUILD_ID_BYTES)
                        continue;
                if (m->end - m->start > v->longest)
                        v->longest = m->end - m->start;
                n++;
        }
        v->n_placed = n;
        qsort(v->placed, n, sizeof(*v->placed), by_start);
        return 0;
}

static const char *build_id_text(const struct recorder_module *m, struct pool *pool)
{
        char *text = pool_alloc(pool, 2 * RECORDER_BUILD_ID_BYTES + 1);

        for (uint32_t i = 0; text && i < m->build_id_length; i++)
                snprintf(text + 2 * i, 3, "%02x", m->build_id[i]);
        return text;
}

/* Where the maps know the module, they know its file, too. */
static void identify(const struct report *maps, const struct recorder_module *e, struct module *m)
{
        for (size_t i = 0; maps && i < maps->n_maps; i++) {
                const struct report_map *map = &maps->maps[i];

                if (map->start != e->start || !map->path || strcmp(map->path, m->path) != 0)
                        continue;
                m->dev_major = map->dev_major;
                m->dev_minor = map->dev_minor;
                m->inode = map->inode;
                return;
        }
}

static int module_make(struct resolver *v, const struct recorder_module *e, uint64_t shift, struct module *m)
{
        const char *path = recorder_text(v->r, e->path, e->path_length);

        *m = (struct module){.path = path && e->path_length ? pool_strndup(v->pool, path, e->path_length)
                                                            : pool_strdup(v->pool, v->r->head.exe),
                             .start = e->start + shift,
                             .end = e->end + shift,
                             .has_bias = true,
                             .bias = e->bias + shift};
        if (e->build_id_length > 0)
                m->build_id = build_id_text(e, v->pool);
        if (!m->path || (e->build_id_length > 0 && !m->build_id))
                return -ENOMEM;
        identify(v->maps, e, m);
        return 0;
}

/* Give each module its place. */
static int place_modules(struct resolver *v)
{
        struct modules *out = &v->modules;
        uint64_t at = PLACES_START;

        out->core = &v->core;
        out->modules = pool_alloc(v->pool, (v->n_placed + 1) * sizeof(*out->modules));
        out->ranges = pool_alloc(v->pool, (v->n_placed + 1) * sizeof(*out->ranges));
        if (!out->modules || !out->ranges)
                return -ENOMEM;
        for (size_t i = 0; i < v->n_placed; i++) {
                const struct recorder_module *e = &v->placed[i].entry;
                uint64_t size = (e->end - e->start + PLACES_ALIGN) & ~(PLACES_ALIGN - 1);

                /* Forged ones may be longer than all the room there is. */
                if (size > UINT64_MAX - at) {
                        v->n_placed = i;
                        break;
                }
                v->placed[i].shift = at - e->start;
                if (module_make(v, e, v->placed[i].shift, &out->modules[i]) < 0)
                        return -ENOMEM;
                out->ranges[i] = (struct module_range){at, at + (e->end - e->start), &out->modules[i]};
                at += size;
        }
        out->n_modules = out->n_ranges = v->n_placed;
        return 0;
}

static bool in_force(const struct recorder_module *m, uint32_t generation)
{
        return m->loaded_generation <= generation &&
               (m->unloaded_generation == 0 || m->unloaded_generation > generation);
}

/* The module that held the address then: among those that do, the one that was loaded last. */
static const struct placed *find(const struct resolver *v, uint64_t address, uint32_t generation)
{
        const struct placed *found = NULL;
        size_t low = 0, high = v->n_placed, looks = 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (v->placed[middle].entry.start <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low-- > 0 && looks++ < OVERLAP_MAX && address - v->placed[low].entry.start < v->longest) {
                const struct recorder_module *m = &v->placed[low].entry;

                if (address < m->end && in_force(m, generation) &&
                    (!found || m->loaded_generation > found->entry.loaded_generation))
                        found = &v->placed[low];
        }
        return found;
}

/* Where frame i of a stack is looked up: inside the call, and in its module's own place. */
static uint64_t lookup_of(const struct resolver *v, const struct recorder_stack *s, unsigned i, uint64_t pc,
                          const struct placed **ret)
{
        bool exact = s->kind == RECORDER_STACK_THREAD && i == 0;
        uint64_t address = exact || pc == 0 ? pc : pc - 1;

        *ret = find(v, address, s->generation);
        return *ret ? address + (*ret)->shift : address;
}

static int show(const struct resolver *v, const struct recorder_stack *s, const struct frame_places *places,
                struct recorder_stack_shown *ret)
{
        struct report_frame *shown;
        const struct placed *placed;
        size_t n = 0;

        for (unsigned i = 0; i < s->n_frames; i++)
                n += frame_place_find(places, lookup_of(v, s, i, recorder_frame(v->r, s, i), &placed))
                             ->n_frames;
        shown = pool_alloc(v->pool, (n + 1) * sizeof(*shown));
        if (!shown)
                return -ENOMEM;
        *ret = (struct recorder_stack_shown){shown, n};
        for (unsigned i = 0; i < s->n_frames; i++) {
                uint64_t pc = recorder_frame(v->r, s, i);
                const struct frame_place *p = frame_place_find(places, lookup_of(v, s, i, pc, &placed));

                for (size_t k = 0; k < p->n_frames; k++, shown++) {
                        *shown = p->frames[k];
                        shown->pc = pc;
                        shown->module_offset = placed ? pc - placed->entry.bias : REPORT_UNKNOWN;
                }
        }
        return 0;
}

/* How many frames the stack has; 0 when it cannot be had. */
static size_t depth(const struct resolver *v, uint32_t stack, struct recorder_stack *ret)
{
        return recorder_get_stack(v->r, stack, ret) ? ret->n_frames : 0;
}

static int resolve(struct resolver *v, bool lines, const uint32_t *stacks, size_t n,
                   struct recorder_stack_shown *ret)
{
        const struct frame_sources sources = {.modules = &v->modules, .finder = &v->finder, .lines = lines};
        _cleanup_free_ uint64_t *lookups = NULL;
        struct frame_places places;
        struct recorder_stack s;
        const struct placed *placed;
        size_t n_lookups = 0, most = 0, within = 0;
        int r;

        for (; within < n && most + depth(v, stacks[within], &s) <= FRAMES_MOST; within++)
                most += depth(v, stacks[within], &s);
        lookups = calloc(most + 1, sizeof(*lookups));
        if (!lookups)
                return -ENOMEM;
        for (size_t i = 0; i < within; i++)
                for (size_t k = 0, end = depth(v, stacks[i], &s); k < end; k++)
                        lookups[n_lookups++] =
                                lookup_of(v, &s, (unsigned)k, recorder_frame(v->r, &s, (unsigned)k), &placed);
        r = frames_resolve(&sources, lookups, n_lookups, &places);
        for (size_t i = 0; r == 0 && i < n; i++) {
                ret[i] = (struct recorder_stack_shown){0};
                if (i < within && depth(v, stacks[i], &s) > 0)
                        r = show(v, &s, &places, &ret[i]);
        }
        return r;
}

static int read_binaries(struct resolver *v, const struct stacks_options *o)
{
        _cleanup_buf_ struct buf b = BUF_GROWING((size_t)64 << 20);

        if (o->binaries_fd < 0)
                return 0;
        lseek(o->binaries_fd, 0, SEEK_SET);
        if (file_read_fd(o->binaries_fd, &b) < 0)
                return 0;
        return binaries_parse(b.data, b.len, v->pool, &v->finder.binaries, &v->finder.n_binaries);
}

int recorder_resolve(const struct recorder *r, const struct stacks_options *o, const struct report *maps,
                     struct pool *pool, const uint32_t *stacks, size_t n, struct recorder_stack_shown *ret,
                     recorder_no_symbols *no_symbols, void *data)
{
        struct resolver v = {.r = r,
                             .maps = maps,
                             .pool = pool,
                             .core.arch = arch_by_machine(r->head.machine),
                             .finder = {.pool = pool,
                                        .core = &v.core,
                                        .sysroot = o->sysroot,
                                        .progress = o->progress,
                                        .progress_data = o->progress_data}};
        int result = 0;

        /* Of another machine: addresses are all that can be said. */
        if (v.core.arch)
                result = read_modules(&v);
        if (result == 0 && v.core.arch)
                result = place_modules(&v);
        if (result == 0)
                result = read_binaries(&v, o);
        if (result == 0)
                result = resolve(&v, o->lines, stacks, n, ret);
        for (size_t i = 0; i < v.modules.n_modules; i++) {
                struct module *m = &v.modules.modules[i];

                if (result == 0 && no_symbols && m->file && !m->file->elf)
                        no_symbols(data, m->path, m->file->why);
                module_file_close(m);
        }
        return result;
}
