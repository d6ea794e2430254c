/* SPDX-License-Identifier: MIT */
/* --time-to-limit TIME: at its present speed the usage reaches the nearest limit within TIME.
 *
 * Headroom divided by speed is at most TIME when the usage that far ahead is at the limit: so it is a level like the
 * others.  `auto` is three times what a capture of this very process takes: enough to take it early. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "trigger/conditions/level.h"

#define LONGEST_NS (3600 * NS_PER_S)

/* The usage is counted in batches of 64 pages per CPU: a shorter time tells no speed. */
#define SPEED_AGE_NS (50 * NS_PER_MS)

/* Of the captures that have to fit in. */
#define AUTO_CAPTURES 3

static int time_parse(struct trigger *t, const char *text, struct diag *d)
{
        if (strcmp(text, "auto") == 0)
                t->time_ns = 0;
        else if (duration_parse(text, LONGEST_NS, &t->time_ns) < 0)
                return diag_set(d, -EINVAL, "--%s %.40s: not a time up to 1h; write 500ms, 2s, 1min, or auto",
                                t->type->option, text);
        return 0;
}

static uint64_t horizon_ns(const struct trigger *t, const struct trigger_wholes *w)
{
        return t->time_ns ? t->time_ns : AUTO_CAPTURES * w->capture_ns;
}

static uint64_t time_level(const struct trigger *t, const struct trigger_wholes *w)
{
        (void)t;
        return w->nearest.bytes;
}

static uint64_t time_moving(const struct trigger_view *v)
{
        return v->now->used;
}

static uint64_t time_value(const struct trigger_view *v)
{
        int64_t speed = history_used_growth(v->history, SPEED_AGE_NS);
        double ahead = (double)horizon_ns(v->trigger, v->wholes) / NS_PER_S;

        if (v->now->used == SAMPLE_UNKNOWN || speed == INT64_MIN)
                return SAMPLE_UNKNOWN;
        return v->now->used + (speed > 0 ? (uint64_t)((double)speed * ahead) : 0);
}

static uint64_t time_end(const struct trigger_wholes *w)
{
        return w->nearest.bytes;
}

static void time_explain(const struct trigger_view *v, struct buf *out)
{
        const struct memory_limit *limit = &v->wholes->nearest;
        int64_t speed = history_used_growth(v->history, SPEED_AGE_NS);
        uint64_t headroom = limit->bytes > v->now->used ? limit->bytes - v->now->used : 0;
        char time[DURATION_TEXT], within[DURATION_TEXT], used[SIZE_TEXT], whole[SIZE_TEXT], growth[SIZE_TEXT];

        duration_format(speed > 0 ? (uint64_t)((double)headroom * NS_PER_S / (double)speed) : 0, time);
        buf_printf(
                out,
                "%s to the limit: %s of the %s of %s used, growing by %s per second (--time-to-limit %s%s%s)",
                time, size_format(v->now->used, used), size_format(limit->bytes, whole), limit->source,
                size_format(speed > 0 ? (uint64_t)speed : 0, growth), v->trigger->given,
                v->trigger->time_ns ? "" : ": ",
                v->trigger->time_ns ? "" : duration_format(horizon_ns(v->trigger, v->wholes), within));
}

static void time_announce(const struct trigger *t, const struct trigger_wholes *w, struct buf *out)
{
        char time[DURATION_TEXT];

        buf_printf(out, "%s to the limit of %s%s", duration_format(horizon_ns(t, w), time), w->nearest.source,
                   t->time_ns ? "" : " (three captures)");
}

const struct trigger_ops trigger_time_to_limit = {
        .effect = TRIGGER_FOREWARNS,
        .needs = TRIGGER_NEEDS_USED | TRIGGER_NEEDS_COST | TRIGGER_NEEDS_SPEED,
        .at_rest_ns = 50 * NS_PER_MS,
        .noun = "the usage so far ahead",
        .parse = time_parse,
        .level = time_level,
        .value = time_value,
        .moving = time_moving,
        .end = time_end,
        .caveat = level_caveat_no_group_limit,
        .explain = time_explain,
        .announce = time_announce,
};
