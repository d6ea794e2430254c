/* SPDX-License-Identifier: MIT */
#include "render/stack_groups.h"

#include <errno.h>

static int by_number(const void *a, const void *b)
{
        const struct stack_group *x = a, *y = b;

        if (x->n != y->n)
                return x->n < y->n ? 1 : -1;
        return (x->members > y->members) - (x->members < y->members);
}

/* The first thread with the same stack; itself where the report says nothing sensible. */
static size_t leader_of(const struct report *r, size_t i)
{
        return r->threads[i].same_stack_as < i ? r->threads[i].same_stack_as : i;
}

int stack_groups_of(const struct report *r, struct stack_groups *ret)
{
        size_t n = r->n_threads, next = 0, groups = 0;
        _cleanup_free_ struct stack_group *list = calloc(n + 1, sizeof(*list)); /* by leader */
        _cleanup_free_ size_t *members = calloc(n + 1, sizeof(*members));

        if (!list || !members)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                list[leader_of(r, i)].n++;
        for (size_t i = 0; i < n; i++) {
                list[i].members = members + next;
                next += list[i].n;
                list[i].n = 0;
        }
        for (size_t i = 0; i < n; i++) {
                struct stack_group *g = &list[leader_of(r, i)];

                members[(size_t)(g->members - members) + g->n++] = i;
        }
        for (size_t i = 0; i < n; i++)
                if (list[i].n > 0)
                        list[groups++] = list[i];
        qsort(list, groups, sizeof(*list), by_number);
        *ret = (struct stack_groups){take_ptr(list), groups, take_ptr(members)};
        return 0;
}

void stack_groups_done(struct stack_groups *g)
{
        free(g->list);
        free(g->members);
        *g = (struct stack_groups){0};
}
