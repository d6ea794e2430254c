/* SPDX-License-Identifier: MIT */
/* --pss SIZE: PSS reaches a level.  from smaps_rollup, which is read only when RSS permits it. */
#include "trigger/level.h"

static uint64_t pss_value(const struct sample *s)
{
        return s->pss;
}

static void pss_explain(const struct trigger *t, const struct sample *s, const struct trigger_wholes *w,
                        struct buf *out)
{
        level_explain(t, "PSS", s->pss, w->limit.bytes, w->limit.source, out);
}

const struct trigger_ops trigger_pss = {
        .needs_rollup = true,
        .parse = level_parse,
        .level = level_of_limit,
        .value = pss_value,
        .end = level_end_limit,
        .explain = pss_explain,
};
