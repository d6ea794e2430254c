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

static uint64_t arm_value(const struct sample *s)
{
        if (s->group_usage != SAMPLE_UNKNOWN && s->group_usage > s->rss)
                return s->group_usage;
        return s->rss;
}

static void arm_explain(const struct trigger *t, const struct sample *s, const struct trigger_wholes *w,
                        struct buf *out)
{
        level_explain(t, "memory", arm_value(s), w->limit.bytes, w->limit.source, out);
}

const struct trigger_ops trigger_arm = {
        .arms = true,
        .parse = arm_parse,
        .level = level_of_limit,
        .value = arm_value,
        .end = level_end_limit,
        .explain = arm_explain,
};
