/* SPDX-License-Identifier: MIT */
/* --arm LEVEL: from here on the process is attended, so that a kill finds us there.  Takes no dump by itself.
 *
 * What counts is what is used of the nearest limit, by whomever: a kill comes when the group is full, and a victim may hold
 * little of it (tmpfs, 16 forked processes).  RSS only leads where the group's counters lag behind. */
#include <errno.h>
#include <string.h>

#include "trigger/conditions/level.h"

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
        else
                return level_check_unit(t, text, d);
        return 0;
}

static uint64_t arm_level(const struct trigger *t, const struct trigger_wholes *w)
{
        return size_resolve(&t->size, w->nearest.bytes);
}

static uint64_t arm_value(const struct trigger_view *v)
{
        if (v->now->used != SAMPLE_UNKNOWN && v->now->used > v->now->rss)
                return v->now->used;
        return v->now->rss;
}

static uint64_t arm_end(const struct trigger_wholes *w)
{
        return w->nearest.bytes;
}

static void arm_explain(const struct trigger_view *v, struct buf *out)
{
        level_explain(v->trigger, "memory", arm_value(v), v->wholes->nearest.bytes, v->wholes->nearest.source,
                      out);
}

static void arm_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        uint64_t level = arm_level(t, w);
        char text[SIZE_TEXT];

        buf_printf(out,
                   level == NEVER ? "never armed"
                   : level == 0   ? "armed"
                                  : "armed from %s",
                   size_format(level, text));
}

const struct trigger_ops trigger_arm = {
        .effect = TRIGGER_ARMS,
        .needs = TRIGGER_NEEDS_USED,
        .noun = "what is used",
        .parse = arm_parse,
        .level = arm_level,
        .value = arm_value,
        .end = arm_end,
        .explain = arm_explain,
        .announce = arm_announce,
};
