/* SPDX-License-Identifier: MIT */
/* --swap-free SIZE: the machine's free swap falls to SIZE, or to a percentage of all swap.  What is compared is the
 * rest, that which is in use. */
#include "trigger/conditions/level.h"

static uint64_t swap_free_level(const struct trigger *t, const struct trigger_wholes *w)
{
        if (w->swap_total == 0)
                return UINT64_MAX;
        return level_in_use(w->swap_total, size_resolve(&t->size, w->swap_total));
}

static uint64_t swap_free_value(const struct trigger_view *v)
{
        if (v->now->swap_free == SAMPLE_UNKNOWN)
                return SAMPLE_UNKNOWN;
        return level_in_use(v->wholes->swap_total, v->now->swap_free);
}

static uint64_t swap_free_end(const struct trigger_wholes *w)
{
        return w->swap_total;
}

static void swap_free_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain_fall(v->trigger, "free swap", v->now->swap_free, v->wholes->swap_total, "swap", out);
}

static void swap_free_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        char text[SIZE_TEXT];

        if (w->swap_total == 0)
                buf_str(out, "free swap (never: /proc/meminfo shows no swap)");
        else
                buf_printf(out, "%s of free swap", size_format(size_resolve(&t->size, w->swap_total), text));
}

const struct trigger_ops trigger_swap_free = {
        .effect = TRIGGER_FOREWARNS,
        .needs = TRIGGER_NEEDS_MACHINE,
        .noun = "the swap in use",
        .parse = level_parse,
        .level = swap_free_level,
        .value = swap_free_value,
        .end = swap_free_end,
        .explain = swap_free_explain,
        .announce = swap_free_announce,
};
