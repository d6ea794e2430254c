/* SPDX-License-Identifier: MIT */
/* -m N: RSS reaches N % of the machine's memory (MemTotal), whatever limit the process has.  memdoor's
 * option, with its range and meaning. */
#include <errno.h>

#include "base/number.h"
#include "trigger/conditions/level.h"

static int pressure_parse(struct trigger *t, const char *text, struct diag *d)
{
        uint64_t percent;

        if (number_parse(text, 99, &percent) < 0 || percent == 0)
                return diag_set(d, -EINVAL, "-m %.40s: not a whole percentage from 1 to 99", text);
        t->size = (struct size_spec){.is_percent = true, .percent = (double)percent};
        return 0;
}

static uint64_t pressure_level(const struct trigger *t, const struct trigger_wholes *w)
{
        return size_resolve(&t->size, w->mem_total);
}

static uint64_t pressure_value(const struct trigger_view *v)
{
        return v->now->rss;
}

static void pressure_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "RSS", v->now->rss, v->wholes->mem_total, "this machine's memory", out);
}

const struct trigger_ops trigger_pressure = {
        .noun = "RSS",
        .parse = pressure_parse,
        .level = pressure_level,
        .value = pressure_value,
        .end = level_end_limit,
        .explain = pressure_explain,
};
