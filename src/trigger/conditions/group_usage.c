/* SPDX-License-Identifier: MIT */
/* --group-usage SIZE: what is used of the nearest limit (limit.h), by everybody in that group, reaches a level.
 *
 * It is the number that the kernel compares with the limit: page cache and tmpfs count, too. */
#include "trigger/conditions/level.h"

static uint64_t usage_level(const struct trigger *t, const struct trigger_wholes *w)
{
        return size_resolve(&t->size, w->nearest.bytes);
}

static uint64_t usage_value(const struct trigger_view *v)
{
        return v->now->used;
}

static uint64_t usage_end(const struct trigger_wholes *w)
{
        return w->nearest.bytes;
}

static void usage_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "usage", v->now->used, v->wholes->nearest.bytes, v->wholes->nearest.source,
                      out);
}

static void usage_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        char level[SIZE_TEXT];

        buf_printf(out, "usage %s of %s", size_format(usage_level(t, w), level), w->nearest.source);
}

const struct trigger_ops trigger_group_usage = {
        .effect = TRIGGER_FOREWARNS,
        .needs = TRIGGER_NEEDS_USED,
        .noun = "the usage",
        .parse = level_parse,
        .level = usage_level,
        .value = usage_value,
        .end = usage_end,
        .caveat = level_caveat_no_group_limit,
        .explain = usage_explain,
        .announce = usage_announce,
};
