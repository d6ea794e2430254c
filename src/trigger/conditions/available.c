/* SPDX-License-Identifier: MIT */
/* --available SIZE: the machine's available memory (MemAvailable) falls to SIZE, or to a percentage of MemTotal.
 *
 * It falls, and levels rise: what is compared is the rest, that which is not available. */
#include "trigger/conditions/level.h"

static uint64_t available_level(const struct trigger *t, const struct trigger_wholes *w)
{
        return level_in_use(w->mem_total, size_resolve(&t->size, w->mem_total));
}

static uint64_t available_value(const struct trigger_view *v)
{
        if (v->now->available == SAMPLE_UNKNOWN)
                return SAMPLE_UNKNOWN;
        return level_in_use(v->wholes->mem_total, v->now->available);
}

static uint64_t available_end(const struct trigger_wholes *w)
{
        return w->mem_total;
}

static void available_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain_fall(v->trigger, "available memory", v->now->available, v->wholes->mem_total,
                           "this machine's memory", out);
}

static void available_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        char text[SIZE_TEXT];

        buf_printf(out, "%s available", size_format(size_resolve(&t->size, w->mem_total), text));
}

const struct trigger_ops trigger_available = {
        .effect = TRIGGER_FOREWARNS,
        .needs = TRIGGER_NEEDS_MACHINE,
        .noun = "the machine's memory in use",
        .parse = level_parse,
        .level = available_level,
        .value = available_value,
        .end = available_end,
        .explain = available_explain,
        .announce = available_announce,
};
