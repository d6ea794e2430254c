/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BLOCK 65536

struct pool_block {
        struct pool_block *next;
        size_t used, size;
        alignas(max_align_t) char data[];
};

static struct pool_block *block_new(struct pool *p, size_t size)
{
        struct pool_block *b = calloc(1, sizeof(*b) + size);

        if (!b)
                return NULL;
        b->size = size;
        /* A large block goes behind the current one, which still has room for small pieces. */
        if (p->blocks && size > POOL_BLOCK) {
                b->next = p->blocks->next;
                p->blocks->next = b;
        } else {
                b->next = p->blocks;
                p->blocks = b;
        }
        return b;
}

void *pool_alloc(struct pool *p, size_t size)
{
        struct pool_block *b = p->blocks;
        void *result;

        if (size > PTRDIFF_MAX / 2)
                return NULL;
        size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (!b || b->size - b->used < size)
                b = block_new(p, size > POOL_BLOCK / 4 ? size : POOL_BLOCK);
        if (!b)
                return NULL;
        result = b->data + b->used;
        b->used += size;
        return result;
}

char *pool_strndup(struct pool *p, const char *s, size_t n)
{
        char *copy = pool_alloc(p, n + 1);

        if (copy && n > 0)
                memcpy(copy, s, n);
        return copy;
}

char *pool_strdup(struct pool *p, const char *s)
{
        return pool_strndup(p, s, strlen(s));
}

void *pool_grow(struct pool *p, void *array, size_t used, size_t want, size_t *capacity, size_t element)
{
        size_t room = *capacity ? *capacity : 16;
        void *grown;

        if (array && want <= *capacity)
                return array;
        while (room < want)
                room *= 2;
        if (room > SIZE_MAX / element)
                return NULL;
        grown = pool_alloc(p, room * element);
        if (!grown)
                return NULL;
        if (used > 0)
                memcpy(grown, array, used * element);
        *capacity = room;
        return grown;
}

void pool_free(struct pool *p)
{
        while (p->blocks) {
                struct pool_block *b = p->blocks;

                p->blocks = b->next;
                free(b);
        }
}
