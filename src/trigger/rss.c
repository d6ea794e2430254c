/* SPDX-License-Identifier: MIT */
/* --rss SIZE: RSS reaches a level.  from statm, at each tick. */
#include "trigger/level.h"

static uint64_t rss_value(const struct sample *s)
{
        return s->rss;
}

static void rss_explain(const struct trigger *t, const struct sample *s, const struct trigger_wholes *w,
                        struct buf *out)
{
        level_explain(t, "RSS", s->rss, w->limit.bytes, w->limit.source, out);
}

const struct trigger_ops trigger_rss = {
        .parse = level_parse,
        .level = level_of_limit,
        .value = rss_value,
        .end = level_end_limit,
        .explain = rss_explain,
};
