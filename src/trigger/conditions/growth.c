/* SPDX-License-Identifier: MIT */
/* --growth SIZE/TIME: RSS has grown by SIZE within TIME, or within less.
 *
 * The growth is counted from the lowest RSS of the last TIME, so a fast leak is seen when it has gained SIZE, not
 * when TIME is over. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "trigger/conditions/level.h"

/* The history reaches back 1.8 hours. */
#define LONGEST_NS  (3600 * NS_PER_S)
#define SHORTEST_NS (10 * NS_PER_MS)

static int bad_growth(const struct trigger *t, const char *text, struct diag *d)
{
        return diag_set(d, -EINVAL,
                        "--%s %.40s: not a growth; write SIZE/TIME, as in 100M/s, 1G/10min (10ms to 1h)",
                        t->type->option, text);
}

static int growth_parse(struct trigger *t, const char *text, struct diag *d)
{
        const char *slash = strchr(text, '/');
        char size[32], time[32];

        if (!slash || (size_t)(slash - text) >= sizeof(size))
                return bad_growth(t, text, d);
        snprintf(size, sizeof(size), "%.*s", (int)(slash - text), text);
        /* "/s" is "/1s". */
        snprintf(time, sizeof(time), "%s%.30s", slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
        if (size_parse(size, &t->size) < 0 || t->size.is_percent ||
            duration_parse(time, LONGEST_NS, &t->time_ns) < 0 || t->time_ns < SHORTEST_NS)
                return bad_growth(t, text, d);
        return 0;
}

static uint64_t growth_level(const struct trigger *t, const struct trigger_wholes *w)
{
        (void)w;
        return t->size.bytes;
}

static uint64_t growth_value(const struct trigger_view *v)
{
        uint64_t lowest = history_lowest_rss(v->history, v->trigger->time_ns);

        return lowest == SAMPLE_UNKNOWN ? SAMPLE_UNKNOWN : v->now->rss - lowest;
}

static uint64_t growth_end(const struct trigger_wholes *w)
{
        return w->limit.bytes;
}

static void growth_explain(const struct trigger_view *v, struct buf *out)
{
        char grown[SIZE_TEXT], rss[SIZE_TEXT], time[DURATION_TEXT];

        buf_printf(out, "RSS grew by %s within %s, to %s (--growth %s)", size_format(growth_value(v), grown),
                   duration_format(v->trigger->time_ns, time), size_format(v->now->rss, rss),
                   v->trigger->given);
}

static void growth_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        char size[SIZE_TEXT], time[DURATION_TEXT];

        (void)w;
        buf_printf(out, "growth of %s within %s", size_format(t->size.bytes, size),
                   duration_format(t->time_ns, time));
}

const struct trigger_ops trigger_growth = {
        .effect = TRIGGER_FOREWARNS,
        .at_rest_ns = 50 * NS_PER_MS,
        .noun = "the growth",
        .parse = growth_parse,
        .level = growth_level,
        .value = growth_value,
        .end = growth_end,
        .explain = growth_explain,
        .announce = growth_announce,
};
