/* SPDX-License-Identifier: MIT */
#include "cli/watch/set.h"

#include <errno.h>
#include <string.h>

#include "capture/collectors/binaries.h"
#include "capture/stacks/threads.h"
#include "cli/watch/kernel.h"

/* 10,000 mappings; a longer text is cut. */
#define MAPS_MAX ((size_t)1 << 20)

int watch_set_add(struct watch_set *s, struct target *t, const struct observer_rules *rules,
                  struct machine *m, struct watched **ret, struct buf *notes, struct diag *d)
{
        _cleanup_free_ struct watched *w = NULL;
        _cleanup_target_ struct target taken = *t;
        int r;

        *t = TARGET_NONE;
        if (s->n == WATCH_SET_MAX)
                return diag_set(d, -ENFILE, "%d processes are watched; no more at the same time",
                                WATCH_SET_MAX);
        w = malloc(sizeof(*w));
        if (!w)
                return diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
        r = observer_open(&taken, rules, m, &w->observer, notes, d);
        if (r < 0)
                return r;
        w->target = taken;
        taken = TARGET_NONE;
        w->holder = HOLDER_NONE;
        w->brake = BRAKE_OFF;
        w->oom_event = OOM_EVENT_NONE;
        w->brake_refused = w->brake_spent = false;
        w->word = NULL;
        w->threads = NULL;
        w->seen = NULL;
        w->maps = BUF_GROWING(MAPS_MAX);
        w->arm = ARM_NONE;
        w->arm_wanted = false;
        w->binaries_fd = -1;
        w->arms_refused = w->gone = w->near = w->captured = false;
        w->tracer = 0;
        w->tracer_ns = 0;
        w->next_ns = 0;
        w->failures = 0;
        w->ramp = NULL;
        w->earlier = (struct earlier){0};
        w->ended = false;
        *ret = s->items[s->n++] = w;
        w = NULL;
        return 0;
}

struct watched *watch_set_find(const struct watch_set *s, pid_t pid)
{
        for (unsigned i = 0; i < s->n; i++)
                if (s->items[i]->target.pid == pid && !s->items[i]->ended && !s->items[i]->gone)
                        return s->items[i];
        return NULL;
}

static void watched_free(struct watched *w)
{
        holder_stop(&w->holder);
        brake_end(&w->brake);
        oom_event_close(&w->oom_event);
        kernel_word_free(w->word);
        threads_free(w->threads);
        free(w->seen);
        buf_done(&w->maps);
        binaries_close(w->binaries_fd);
        observer_close(&w->observer);
        target_close(&w->target);
        free(w->ramp);
        free(w);
}

void watch_set_sweep(struct watch_set *s)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < s->n; i++) {
                if (s->items[i]->ended)
                        watched_free(s->items[i]);
                else
                        s->items[kept++] = s->items[i];
        }
        s->n = kept;
}

void watch_set_close(struct watch_set *s)
{
        for (unsigned i = 0; i < s->n; i++)
                watched_free(s->items[i]);
        s->n = 0;
}

const struct watched *watch_set_largest(const struct watch_set *s)
{
        const struct watched *largest = NULL;

        for (unsigned i = 0; i < s->n; i++)
                if (!largest || s->items[i]->observer.sampler.now.rss > largest->observer.sampler.now.rss)
                        largest = s->items[i];
        return largest;
}
