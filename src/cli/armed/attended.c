/* SPDX-License-Identifier: MIT */
#include "cli/armed/attended.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks/condition.h"

struct attended *attended_find(const struct attended_roll *roll, pid_t pid)
{
        for (unsigned i = 0; i < roll->n; i++)
                if (roll->items[i]->target.pid == pid)
                        return roll->items[i];
        return NULL;
}

void attended_free(struct attended *t)
{
        if (t) {
                target_close(&t->target);
                kill_count_close(&t->kills);
        }
        free(t);
}

struct attended *attended_remove(struct attended_roll *roll, pid_t pid)
{
        for (unsigned i = 0; i < roll->n; i++) {
                struct attended *t = roll->items[i];

                if (t->target.pid != pid)
                        continue;
                roll->items[i] = roll->items[--roll->n];
                return t;
        }
        return NULL;
}

/* Seized by someone before us: by whom? */
static void name_tracer(const struct target *t, int error, pid_t *ret_tracer, struct diag *d)
{
        struct condition c = condition_read(t);

        if (!c.name || strcmp(c.name, "traced") != 0)
                return;
        diag_set(d, error, "PID %d: %s", t->pid, c.sentence);
        *ret_tracer = c.tracer;
}

static int seize(struct attended *t, struct attend *attend, pid_t pid, uint64_t start_ticks,
                 pid_t *ret_tracer, struct diag *d)
{
        int r = target_open(pid, &t->target, d);

        if (r < 0)
                return r;
        if (t->target.start_ticks != start_ticks)
                return diag_set(d, -ESRCH, "PID %d has ended", pid);
        r = attend_add(attend, pid, d);
        if (r == -EPERM || r == -ESRCH)
                name_tracer(&t->target, r, ret_tracer, d);
        return r;
}

int attended_add(struct attended_roll *roll, struct attend *attend, pid_t pid, uint64_t start_ticks,
                 pid_t *ret_tracer, struct diag *d)
{
        struct attended *t;
        int r;

        *ret_tracer = 0;
        if (roll->n == ATTENDED_MAX)
                return diag_set(d, -ENOSPC, "PID %d: %d processes are attended, there is no room for more",
                                pid, ATTENDED_MAX);
        t = calloc(1, sizeof(*t));
        if (!t)
                return diag_set(d, -ENOMEM, "%s", strerror(ENOMEM));
        t->target = TARGET_NONE;
        t->kills = KILL_COUNT_NONE;
        r = seize(t, attend, pid, start_ticks, ret_tracer, d);
        if (r < 0)
                attended_free(t);
        else
                roll->items[roll->n++] = t;
        return r;
}

void attended_identify(struct attended *t)
{
        if (!t->identified)
                identity_read(&t->target, &t->id);
        t->identified = true;
}

void attended_look(const struct attended_roll *roll)
{
        for (unsigned i = 0; i < roll->n; i++)
                if (roll->items[i]->kills.fd >= 0)
                        kill_count_look(&roll->items[i]->kills);
}

struct attended *attended_unidentified(const struct attended_roll *roll)
{
        for (unsigned i = 0; i < roll->n; i++)
                if (!roll->items[i]->identified)
                        return roll->items[i];
        return NULL;
}
