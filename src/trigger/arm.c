/* SPDX-License-Identifier: MIT */
/* --arm LEVEL: from here on the process is attended, so that a kill finds us there.  Takes no dump by itself.
 *
 * What counts against the limit is the group's usage, which others may have filled; where that is not known, RSS. */
#include <errno.h>
#include <string.h>

#include "trigger/level.h"

#define NEVER UINT64_MAX

static int arm_parse(struct trigger *t, const char *text, struct diag *d)
{
        if (strcmp(text, "always") == 0)
                t->size = (struct size_spec){.bytes = 0};
        else if (strcmp(text, "never") == 0)
                t->size = (struct size_spec){.bytes = NEVER};
        else if (size_parse(text, &t->size) < 0)
                return diag_set(d, -EINVAL, "--arm %.40s: it is always, never, or a level, as in 70%% or 2G",
                                text);
        return 0;
}

static uint64_t arm_value(const struct trigger_view *v)
{
        if (v->now->group_usage != SAMPLE_UNKNOWN && v->now->group_usage > v->now->rss)
                return v->now->group_usage;
        return v->now->rss;
}

static void arm_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "memory", arm_value(v), v->wholes->limit.bytes, v->wholes->limit.source,
                      out);
}

static void arm_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        uint64_t level = level_of_limit(t, w);
        char text[SIZE_TEXT];

        buf_printf(out,
                   level == NEVER ? "never armed"
                   : level == 0   ? "armed"
                                  : "armed from %s",
                   size_format(level, text));
}

const struct trigger_ops trigger_arm = {
        .effect = TRIGGER_ARMS,
        .parse = arm_parse,
        .level = level_of_limit,
        .value = arm_value,
        .end = level_end_limit,
        .explain = arm_explain,
        .announce = arm_announce,
};
