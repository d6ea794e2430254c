/* SPDX-License-Identifier: MIT */
#include "trigger/observer.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* A limit may be raised or lowered while the process runs. */
#define WHOLES_NS (10 * NS_PER_S)

/* Growth in a sentence is that of the last seconds, and of the last moment when that is much faster. */
#define GROWTH_AGE_NS        (2 * NS_PER_S)
#define GROWTH_MOMENT_AGE_NS (100 * NS_PER_MS)
#define GROWTH_MUCH          2

static void read_wholes(struct observer *o, const struct observer_rules *rules, const struct machine *m)
{
        o->wholes_ns = o->sampler.now.monotonic_ns;
        o->wholes.mem_total = m->mem_total;
        o->wholes.swap_total = m->swap_total;
        limit_read(&o->limits, m->mem_total, &o->wholes.limit);
        for (unsigned i = 0; i < rules->n_triggers; i++)
                o->conditions[i].level = rules->triggers[i].type->ops->level(&rules->triggers[i], &o->wholes);
}

static int check_sources(struct observer *o, const struct observer_rules *rules, const struct target *t,
                         struct diag *d)
{
        for (unsigned i = 0; i < rules->n_triggers; i++) {
                int r = rules->triggers[i].type->ops->needs_rollup ? sampler_rollup(&o->sampler) : 0;

                if (r < 0)
                        return diag_set(d, r, "--%s: /proc/%d/smaps_rollup cannot be read: %s",
                                        rules->triggers[i].type->option, t->pid, strerror(-r));
        }
        return 0;
}

int observer_open(const struct target *t, const struct observer_rules *rules, struct machine *m,
                  struct observer *ret, struct diag *d)
{
        int r = sampler_open(t, &ret->sampler, d);

        if (r < 0)
                return r;
        ret->wholes_ns = 0;
        memset(ret->conditions, 0, sizeof(ret->conditions));
        history_reset(&ret->history);
        r = sampler_tick(&ret->sampler);
        if (r == -ESRCH && sampler_rebind(&ret->sampler) == 0)
                r = sampler_tick(&ret->sampler);
        if (r < 0)
                diag_set(d, r, "PID %d has ended", t->pid);
        else
                r = check_sources(ret, rules, t, d);
        if (r < 0) {
                sampler_close(&ret->sampler);
                return r;
        }
        limit_reader_open(t->proc_fd, &ret->limits);
        read_wholes(ret, rules, m);
        return 0;
}

void observer_close(struct observer *o)
{
        sampler_close(&o->sampler);
        limit_reader_close(&o->limits);
}

/* Judge condition i; returns whether it fires and lowers *sleep_ns to when it has to be looked at again. */
static bool judge(struct observer *o, const struct observer_rules *rules, unsigned i, uint64_t *sleep_ns)
{
        const struct trigger_ops *ops = rules->triggers[i].type->ops;
        __typeof__(o->conditions[0]) *c = &o->conditions[i];
        const struct sample *now = &o->sampler.now;
        uint64_t level = rearm_level(&c->rearm, c->level), bound, wait_ns = 0;

        if (c->level == UINT64_MAX)
                return false;
        if (ops->needs_rollup && now->monotonic_ns >= c->rearm.quiet_ns &&
            sampler_rollup_due(&o->sampler, ops->value(now), level, &wait_ns))
                sampler_rollup(&o->sampler);
        if (ops->value(now) != SAMPLE_UNKNOWN &&
            rearm_check(&c->rearm, c->level, ops->value(now), now->monotonic_ns))
                return true;

        bound = ops->needs_rollup ? sampler_bound(now, ops->value(now)) : ops->value(now);
        if (bound == SAMPLE_UNKNOWN)
                return false;
        poll_speed_update(&c->speed, bound, now->monotonic_ns);
        if (now->monotonic_ns < c->rearm.quiet_ns) {
                wait_ns = c->rearm.quiet_ns - now->monotonic_ns;
        } else if (bound < level || wait_ns == 0) {
                wait_ns =
                        poll_interval_ns(bound < level ? level - bound : 0, c->speed.peak, rules->longest_ns);
        }
        if (wait_ns < *sleep_ns)
                *sleep_ns = wait_ns;
        return false;
}

int observer_tick(struct observer *o, const struct observer_rules *rules, struct machine *m,
                  uint64_t *ret_sleep_ns)
{
        int r = sampler_tick(&o->sampler), fired = 0;

        if (r == -ESRCH && sampler_rebind(&o->sampler) == 0)
                r = sampler_tick(&o->sampler);
        if (r < 0)
                return r;
        *ret_sleep_ns = rules->longest_ns;
        sampler_details(&o->sampler, m);
        if (o->sampler.now.monotonic_ns - o->wholes_ns >= WHOLES_NS)
                read_wholes(o, rules, m);
        history_add(&o->history, &o->sampler.now);
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (judge(o, rules, i, ret_sleep_ns))
                        fired |= 1 << i;
        return fired;
}

int observer_arming(const struct observer_rules *rules)
{
        int arming = 0;

        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->arms)
                        arming |= 1 << i;
        return arming;
}

bool observer_wants_arms(const struct observer *o, const struct observer_rules *rules)
{
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->arms && o->conditions[i].rearm.fired)
                        return true;
        return false;
}

const char *observer_kind(const struct observer_rules *rules, int fired)
{
        return rules->triggers[__builtin_ctz((unsigned)fired)].type->kind;
}

static void explain_growth(const struct observer *o, struct buf *out)
{
        int64_t growth = history_growth(&o->history, GROWTH_AGE_NS);
        int64_t moment = history_growth(&o->history, GROWTH_MOMENT_AGE_NS);
        char text[SIZE_TEXT];

        if (growth > 0)
                buf_printf(out, "; RSS grew by %s per second", size_format((uint64_t)growth, text));
        if (growth > 0 && moment > GROWTH_MUCH * growth)
                buf_printf(out, ", at the end by %s per second", size_format((uint64_t)moment, text));
}

void observer_explain(const struct observer *o, const struct observer_rules *rules, int fired,
                      struct buf *out)
{
        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger *t = &rules->triggers[i];

                if (!(fired & 1 << i))
                        continue;
                if (out->len > 0)
                        buf_str(out, "; ");
                t->type->ops->explain(t, &o->sampler.now, &o->wholes, out);
        }
        explain_growth(o, out);
}

void observer_fired(struct observer *o, const struct observer_rules *rules, int fired)
{
        uint64_t now_ns = clock_monotonic_ns();

        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger_ops *ops = rules->triggers[i].type->ops;

                if (fired & 1 << i)
                        rearm_fired(&o->conditions[i].rearm, ops->value(&o->sampler.now),
                                    ops->end(&o->wholes), now_ns, ops->arms ? 0 : rules->cooldown_ns);
        }
}

void observer_failed(struct observer *o, const struct observer_rules *rules, int fired, uint64_t wait_ns)
{
        uint64_t now_ns = clock_monotonic_ns();

        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (fired & 1 << i)
                        rearm_failed(&o->conditions[i].rearm, now_ns, wait_ns);
}
