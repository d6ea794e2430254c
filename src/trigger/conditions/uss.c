/* SPDX-License-Identifier: MIT */
/* --uss SIZE: USS reaches a level: private clean and dirty pages of smaps_rollup, which is read only when RSS permits it. */
#include "trigger/conditions/level.h"

static uint64_t uss_value(const struct trigger_view *v)
{
        return v->now->uss;
}

static void uss_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "USS", v->now->uss, v->wholes->limit.bytes, v->wholes->limit.source, out);
}

const struct trigger_ops trigger_uss = {
        .needs = TRIGGER_NEEDS_ROLLUP,
        .noun = "USS",
        .parse = level_parse,
        .level = level_of_limit,
        .value = uss_value,
        .end = level_end_limit,
        .explain = uss_explain,
};
