/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/stack_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash(const struct unwind_frame *frames, const struct unwind_result *r)
{
        uint64_t h = r->n_frames ^ r->address;

        for (size_t i = 0; i < r->n_frames; i++)
                h = (h ^ frames[i].pc ^ (uint64_t)frames[i].exact << 63) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 32;
}

static bool same(const struct stack *s, const struct unwind_frame *frames, const struct unwind_result *r)
{
        if (s->result.n_frames != r->n_frames || s->result.end != r->end || s->result.address != r->address)
                return false;
        for (size_t i = 0; i < r->n_frames; i++)
                if (s->frames[i].pc != frames[i].pc || s->frames[i].exact != frames[i].exact)
                        return false;
        return true;
}

static size_t *slot_of(struct stack_table *t, const struct unwind_frame *frames,
                       const struct unwind_result *r)
{
        size_t i = hash(frames, r) & (t->n_slots - 1);

        while (t->slots[i] && !same(&t->stacks[t->slots[i] - 1], frames, r))
                i = (i + 1) & (t->n_slots - 1);
        return &t->slots[i];
}

static int slots_grow(struct stack_table *t)
{
        size_t n = t->n_slots ? 2 * t->n_slots : 256;
        size_t *slots = calloc(n, sizeof(*slots));

        if (!slots)
                return -ENOMEM;
        free(t->slots);
        t->slots = slots;
        t->n_slots = n;
        for (size_t i = 0; i < t->n; i++)
                *slot_of(t, t->stacks[i].frames, &t->stacks[i].result) = i + 1;
        return 0;
}

int stack_table_put(struct stack_table *t, const struct unwind_frame *frames,
                    const struct unwind_result *result, size_t *ret)
{
        struct unwind_frame *copy;
        size_t *slot;

        if (4 * t->n >= 3 * t->n_slots && slots_grow(t) < 0)
                return -ENOMEM;
        slot = slot_of(t, frames, result);
        if (*slot) {
                *ret = *slot - 1;
                return 0;
        }
        copy = pool_alloc(t->pool, result->n_frames * sizeof(*copy));
        t->stacks = pool_grow(t->pool, t->stacks, t->n, t->n + 1, &t->room, sizeof(*t->stacks));
        if (!copy || !t->stacks)
                return -ENOMEM;
        if (result->n_frames > 0)
                memcpy(copy, frames, result->n_frames * sizeof(*copy));
        t->stacks[t->n] = (struct stack){.frames = copy, .result = *result, .same_as = t->n};
        t->n_frames += result->n_frames;
        *slot = ++t->n;
        *ret = t->n - 1;
        return 0;
}

#define COMPARE(x, y)                                                                                        \
        do {                                                                                                 \
                if ((x) != (y))                                                                              \
                        return (x) < (y) ? -1 : 1;                                                           \
        } while (0)

static int compare_shown(const struct report_frame *x, const struct report_frame *y)
{
        if (x->function && y->function)
                return strcmp(x->function, y->function);
        COMPARE(x->function != NULL, y->function != NULL);
        COMPARE(x->pc, y->pc);
        return 0;
}

static int compare_stacks(const struct stack *x, const struct stack *y)
{
        COMPARE(x->result.n_frames, y->result.n_frames);
        COMPARE(x->result.end, y->result.end);
        COMPARE(x->n_innermost, y->n_innermost);
        for (size_t i = 1; i < x->result.n_frames; i++)
                COMPARE(x->frames[i].pc, y->frames[i].pc);
        for (size_t i = 0; i < x->n_innermost; i++) {
                int r = compare_shown(&x->shown[i], &y->shown[i]);

                if (r != 0)
                        return r;
        }
        return 0;
}

static int compare_by_index(const void *a, const void *b, void *data)
{
        const struct stack_table *t = data;
        size_t x = *(const size_t *)a, y = *(const size_t *)b;
        int r = compare_stacks(&t->stacks[x], &t->stacks[y]);

        if (r != 0)
                return r;
        COMPARE(x, y);
        return 0;
}

int stack_table_group(struct stack_table *t)
{
        _cleanup_free_ size_t *order = calloc(t->n + 1, sizeof(*order));

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++)
                order[i] = i;
        qsort_r(order, t->n, sizeof(*order), compare_by_index, t);
        for (size_t i = 0; i < t->n; i++) {
                struct stack *s = &t->stacks[order[i]];
                const struct stack *before = i ? &t->stacks[order[i - 1]] : NULL;

                s->same_as = before && compare_stacks(before, s) == 0 ? before->same_as : order[i];
        }
        return 0;
}

void stack_table_done(struct stack_table *t)
{
        free(t->slots);
        t->slots = NULL;
        t->n_slots = 0;
}
