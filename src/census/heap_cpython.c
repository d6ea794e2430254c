/* SPDX-License-Identifier: MIT */
/* CPython's small objects: the arenas of pymalloc (Objects/obmalloc.c, 3.3 to 3.13), and of which types they are.
 *
 *   arena_object { address, pool_address, nfreepools, ntotalpools, freepools, nextarena, prevarena }   in an array
 *   pool_header  { count, freeblock, nextpool, prevpool, arenaindex, szidx, nextoffset, maxnextoffset }
 *
 * The array is found by a pointer in the interpreter's data; it is the one if its arenas' pools name their arena by its index
 * in the array, and their last offset fits their size class.  Objects of more than 512 bytes are malloc's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "census/heap.h"
#include "census/python_types.h"

#define ARENAS_MAX  (1u << 22)
#define ARENA_MAX   (1u << 20)
#define POOL_MAX    16384
#define POOL_HEADER 48
#define CLASSES_MAX 64

struct arena_object {
        uint64_t address, pool_address;
        uint32_t free_pools, total_pools;
        uint64_t freepools, next, prev;
};

struct pool_header {
        uint32_t count, padding;
        uint64_t free_block, next, prev;
        uint32_t arena, class_index, next_offset, max_next_offset;
};

/* One row for each generation. */
static const struct generation {
        const char *versions;
        uint32_t pool_bytes, arena_bytes, alignment;
} generations[] = {
        {"3.10 or later", 16384, 1 << 20, 16},
        {"3.7 to 3.9", 4096, 256 << 10, 16},
        {"3.3 to 3.6", 4096, 256 << 10, 8},
};

struct reading {
        const struct heap_look *look;
        const struct generation *g;
        struct heap *heap;
        struct python_types *types;
        uint64_t pools, pool_free;   /* in use; bytes */
        unsigned char *arena, *pool; /* the arena that was read, and the pool in it */
};

static bool pool_verifies(const struct generation *g, const struct pool_header *p, uint32_t arena)
{
        /* The index first: the product of a hostile one is 0. */
        uint32_t size = p->class_index < CLASSES_MAX ? (p->class_index + 1) * g->alignment : UINT32_MAX;

        return p->arena == arena && size <= 512 && p->max_next_offset == g->pool_bytes - size &&
               p->next_offset <= g->pool_bytes && p->count <= (g->pool_bytes - POOL_HEADER) / size;
}

static uint64_t first_pool(const struct generation *g, const struct arena_object *a)
{
        return (a->address + g->pool_bytes - 1) / g->pool_bytes * g->pool_bytes;
}

/* In use; of one that is not, nothing but the links must make sense. */
static bool arena_is_sane(const struct heap_look *look, const struct generation *g,
                          const struct arena_object *a)
{
        uint64_t first = first_pool(g, a), most = g->arena_bytes / g->pool_bytes;

        return heap_is_anonymous(look, a->address) && a->pool_address >= first &&
               a->pool_address <= a->address + g->arena_bytes &&
               (a->pool_address - first) % g->pool_bytes == 0 && a->free_pools <= a->total_pools &&
               a->total_pools <= most && a->total_pools + 1 >= most;
}

static bool is_unused(const struct arena_object *a, uint64_t array)
{
        return a->address == 0 && (a->next == 0 || (a->next >= array && (a->next - array) % sizeof(*a) == 0));
}

/* The array at `array` begins with an arena whose first pool verifies. */
static bool array_verifies(const struct heap_look *look, const struct generation *g, uint64_t array)
{
        for (uint32_t i = 0; i < 64; i++) {
                struct arena_object a;
                struct pool_header p;

                if (!heap_get(look, array + i * sizeof(a), &a, sizeof(a)))
                        return false;
                if (is_unused(&a, array))
                        continue;
                if (!arena_is_sane(look, g, &a))
                        return false;
                if (a.pool_address > first_pool(g, &a))
                        return heap_get(look, first_pool(g, &a), &p, sizeof(p)) && pool_verifies(g, &p, i);
        }
        return false;
}

static uint64_t find_array(const struct heap_look *look, size_t module, const struct generation **ret)
{
        _cleanup_heap_data_ struct heap_data data = {.next = module};

        while (heap_data_next(look, &data))
                for (size_t i = 0; i < data.n; i++) {
                        uint64_t word = data.words[i];

                        if (word % 8 != 0 || !heap_is_anonymous(look, word) ||
                            (i % 4096 == 0 && heap_is_late(look)))
                                continue;
                        for (size_t k = 0; k < ARRAY_SIZE(generations); k++)
                                if (array_verifies(look, &generations[k], word)) {
                                        *ret = &generations[k];
                                        return word;
                                }
                }
        return 0;
}

/* Which blocks of the pool that was read are free: those in its list, and those never used. */
static void mark_free(const struct reading *r, const struct pool_header *p, uint64_t address, uint32_t size,
                      bool *is_free)
{
        uint32_t n = (r->g->pool_bytes - POOL_HEADER) / size;
        uint64_t at = p->free_block;

        for (uint32_t i = 0; i < n; i++)
                is_free[i] = POOL_HEADER + i * size >= p->next_offset;
        for (uint32_t steps = 0;
             steps < n && at >= address + POOL_HEADER && at + size <= address + r->g->pool_bytes; steps++) {
                uint32_t offset = (uint32_t)(at - address);

                is_free[(offset - POOL_HEADER) / size] = true;
                memcpy(&at, r->pool + (offset - offset % 8), sizeof(at));
        }
}

/* The pool was read: who is in it. */
static void count_types(struct reading *r, const struct pool_header *p, uint64_t address)
{
        uint32_t size = (p->class_index + 1) * r->g->alignment, n = (r->g->pool_bytes - POOL_HEADER) / size;
        bool is_free[(POOL_MAX - POOL_HEADER) / 8];

        mark_free(r, p, address, size, is_free);
        for (uint32_t i = 0; i < n; i++)
                if (!is_free[i])
                        python_types_count(r->types, r->pool + POOL_HEADER + i * size, size);
}

static void take_pool(struct reading *r, uint32_t arena, uint64_t address)
{
        struct pool_header p;
        uint32_t size, blocks;

        memcpy(&p, r->pool, sizeof(p));
        if (p.count == 0 || !pool_verifies(r->g, &p, arena))
                return;
        size = (p.class_index + 1) * r->g->alignment;
        blocks = (r->g->pool_bytes - POOL_HEADER) / size;
        heap_count(r->heap, size, p.count);
        r->pools++;
        r->heap->blocks += p.count;
        r->heap->in_use += (uint64_t)p.count * size;
        r->pool_free += (uint64_t)(blocks - p.count) * size;
        if (r->types)
                count_types(r, &p, address);
}

static bool take_arena(struct reading *r, uint32_t index, const struct arena_object *a)
{
        uint64_t at = first_pool(r->g, a), end = a->address + r->g->arena_bytes;

        end = a->pool_address < end ? a->pool_address : end;
        heap_get_present(r->look, at, r->arena, end > at ? (size_t)(end - at) : 0);
        for (r->pool = r->arena; at + r->g->pool_bytes <= end;
             at += r->g->pool_bytes, r->pool += r->g->pool_bytes)
                take_pool(r, index, at);
        r->heap->system += r->g->arena_bytes;
        heap_lies(r->heap, a->address, a->address + r->g->arena_bytes);
        return !heap_is_late(r->look);
}

static bool take_arenas(struct reading *r, uint64_t array)
{
        struct heap *h = r->heap;

        h->system = h->in_use = h->blocks = 0;
        for (uint32_t i = 0; i < ARENAS_MAX; i++) {
                struct arena_object a;

                if (!heap_get(r->look, array + i * sizeof(a), &a, sizeof(a)))
                        break;
                if (is_unused(&a, array))
                        continue;
                if (!arena_is_sane(r->look, r->g, &a))
                        break;
                if (!take_arena(r, i, &a))
                        return heap_refuse(h, "the time for it was used up after %u arenas", i + 1);
        }
        /* Pools that are free as a whole, and free blocks; the rest is headers and what the sizes leave over. */
        h->free = h->system - r->pools * r->g->pool_bytes + r->pool_free;
        h->overhead = h->system - h->in_use - h->free;
        return true;
}

bool heap_read_cpython(const struct heap_look *look, struct heap *ret)
{
        size_t module = heap_module(look, "libpython");
        struct reading r = {.look = look, .heap = ret};
        struct python_types types;
        uint64_t array;

        if (module == SIZE_MAX)
                module = heap_module(look, "python");
        if (module == SIZE_MAX)
                return false;
        array = find_array(look, module, &r.g);
        if (!array)
                return heap_refuse(ret, "not understood: no arenas of pymalloc in the interpreter's data "
                                        "(PYTHONMALLOC=malloc, or a version that is not known)");
        snprintf(ret->version, sizeof(ret->version), "%s", r.g->versions);
        r.arena = malloc(ARENA_MAX);
        if (!r.arena)
                return heap_refuse(ret, "no memory to read its arenas");
        if (python_types_make(look, &types) == 0)
                r.types = &types;
        take_arenas(&r, array);
        free(r.arena);
        if (r.types) {
                python_types_put(&types, ret);
                python_types_done(&types);
        }
        return true;
}
