/* SPDX-License-Identifier: MIT */
#include "capture/collectors/inode_set.h"

#include <errno.h>
#include <stdlib.h>

/* Open addressing, at most half full: the slot of `inode`, or the free one where it belongs. */
static size_t slot_find(const uint32_t *slots, size_t size, uint32_t inode)
{
        size_t i = inode * UINT32_C(2654435769) & (size - 1);

        while (slots[i] && slots[i] != inode)
                i = (i + 1) & (size - 1);
        return i;
}

static int set_grow(struct inode_set *s)
{
        size_t size = s->size ? 2 * s->size : 256;
        uint32_t *slots = calloc(size, sizeof(*slots));
        bool *taken = calloc(size, sizeof(*taken));

        if (!slots || !taken) {
                free(slots);
                free(taken);
                return -ENOMEM;
        }
        for (size_t i = 0; i < s->size; i++)
                if (s->slots[i]) {
                        size_t to = slot_find(slots, size, s->slots[i]);

                        slots[to] = s->slots[i];
                        taken[to] = s->taken[i];
                }
        free(s->slots);
        free(s->taken);
        s->slots = slots;
        s->taken = taken;
        s->size = size;
        return 0;
}

int inode_set_add(struct inode_set *s, uint32_t inode)
{
        size_t i;

        if (inode == 0)
                return 0;
        if (2 * (s->n + 1) > s->size && set_grow(s) < 0)
                return -ENOMEM;
        i = slot_find(s->slots, s->size, inode);
        if (!s->slots[i]) {
                s->slots[i] = inode;
                s->n++;
                s->left++;
        }
        return 0;
}

bool inode_set_take(struct inode_set *s, uint32_t inode)
{
        size_t i;

        if (inode == 0 || s->size == 0)
                return false;
        i = slot_find(s->slots, s->size, inode);
        if (!s->slots[i] || s->taken[i])
                return false;
        s->taken[i] = true;
        s->left--;
        return true;
}

void inode_set_done(struct inode_set *s)
{
        free(s->slots);
        free(s->taken);
        *s = (struct inode_set){0};
}
