/* SPDX-License-Identifier: MIT */
/* --rss SIZE: RSS reaches a level.  It comes from statm, at each tick. */
#include "trigger/conditions/level.h"

static uint64_t rss_value(const struct trigger_view *v)
{
        return v->now->rss;
}

static void rss_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "RSS", v->now->rss, v->wholes->limit.bytes, v->wholes->limit.source, out);
}

const struct trigger_ops trigger_rss = {
        .noun = "RSS",
        .parse = level_parse,
        .level = level_of_limit,
        .value = rss_value,
        .end = level_end_limit,
        .explain = rss_explain,
};
