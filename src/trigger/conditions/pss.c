/* SPDX-License-Identifier: MIT */
/* --pss SIZE: PSS reaches a level.  It comes from smaps_rollup, which is read only when RSS permits it. */
#include "trigger/conditions/level.h"

static uint64_t pss_value(const struct trigger_view *v)
{
        return v->now->pss;
}

static void pss_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "PSS", v->now->pss, v->wholes->limit.bytes, v->wholes->limit.source, out);
}

const struct trigger_ops trigger_pss = {
        .needs = TRIGGER_NEEDS_ROLLUP,
        .noun = "PSS",
        .parse = level_parse,
        .level = level_of_limit,
        .value = pss_value,
        .end = level_end_limit,
        .explain = pss_explain,
};
