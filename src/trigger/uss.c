/* SPDX-License-Identifier: MIT */
/* --uss SIZE: USS reaches a level.  private clean and dirty pages, from smaps_rollup, which is read only when
 * RSS permits it. */
#include "trigger/level.h"

static uint64_t uss_value(const struct sample *s)
{
        return s->uss;
}

static void uss_explain(const struct trigger *t, const struct sample *s, const struct trigger_wholes *w,
                        struct buf *out)
{
        level_explain(t, "USS", s->uss, w->limit.bytes, w->limit.source, out);
}

const struct trigger_ops trigger_uss = {
        .needs_rollup = true,
        .parse = level_parse,
        .level = level_of_limit,
        .value = uss_value,
        .end = level_end_limit,
        .explain = uss_explain,
};
