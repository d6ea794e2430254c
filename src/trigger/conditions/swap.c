/* SPDX-License-Identifier: MIT */
/* --swap SIZE: what is swapped out of the process (VmSwap) reaches a level; from status, at most every 100
 * ms. Shared memory that is swapped out is not in VmSwap. */
#include "trigger/conditions/level.h"

static uint64_t swap_level(const struct trigger *t, const struct trigger_wholes *w)
{
        return w->swap_total == 0 ? UINT64_MAX : size_resolve(&t->size, w->swap_total);
}

static uint64_t swap_value(const struct trigger_view *v)
{
        return v->now->swap;
}

static uint64_t swap_end(const struct trigger_wholes *w)
{
        return w->swap_total;
}

static void swap_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "swap", v->now->swap, v->wholes->swap_total, "swap", out);
}

const struct trigger_ops trigger_swap = {
        .noun = "its swap",
        .parse = level_parse,
        .level = swap_level,
        .value = swap_value,
        .end = swap_end,
        .explain = swap_explain,
};
