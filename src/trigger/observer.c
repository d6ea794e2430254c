/* SPDX-License-Identifier: MIT */
#include "trigger/observer.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* A limit may be raised or lowered while the process runs. */
#define WHOLES_NS (2 * NS_PER_S)

/* With a condition on the machine's memory, or on its speed: as fresh as the fastest poll. */
#define MACHINE_NS POLL_SHORTEST_NS

/* A forewarning holds for a while: an event does not say when it is over, a speed varies. */
#define FOREWARNED_NS (30 * NS_PER_S)

/* Of a process that nobody has measured. */
#define CAPTURE_NS (500 * NS_PER_MS)

/* Growth in a sentence is that of the last seconds, and of the last moment when that is much faster. */
#define GROWTH_AGE_NS        (2 * NS_PER_S)
#define GROWTH_MOMENT_AGE_NS (100 * NS_PER_MS)
#define GROWTH_MUCH          2

static struct trigger_view view(const struct observer *o, const struct observer_rules *rules, unsigned i)
{
        return (struct trigger_view){.trigger = &rules->triggers[i],
                                     .now = &o->sampler.now,
                                     .wholes = &o->wholes,
                                     .history = &o->history,
                                     .event = o->conditions[i].event};
}

static unsigned all_needs(const struct observer_rules *rules)
{
        unsigned needs = 0;

        for (unsigned i = 0; i < rules->n_triggers; i++)
                needs |= rules->triggers[i].type->ops->needs;
        return needs;
}

static void set_levels(struct observer *o, const struct observer_rules *rules)
{
        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger *t = &rules->triggers[i];

                if (t->type->ops->level)
                        o->conditions[i].level = t->type->ops->level(t, &o->wholes);
        }
}

/* The kernel is to say when a process has to be attended; what it cannot say has to be looked for. */
static void set_wake_ups(struct observer *o, const struct observer_rules *rules)
{
        o->woken = false;
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->effect == TRIGGER_ARMS && o->conditions[i].level > 0 &&
                    o->conditions[i].level != UINT64_MAX)
                        o->woken = group_events_set(&o->group_events, &o->limits, &rules->triggers[i].size);
}

/* What is used of the nearest limit.  True: that is another one now. */
static bool read_used(struct observer *o, const struct observer_rules *rules, struct machine *m)
{
        struct sample *now = &o->sampler.now;
        int before = o->nearest;

        o->nearest = limit_nearest(&o->limits, &now->used);
        if (o->nearest == LIMIT_MACHINE) {
                sampler_machine(&o->sampler, m,
                                all_needs(rules) & TRIGGER_NEEDS_SPEED ? MACHINE_NS : machine_holds_ns(m));
                now->used = m->mem_total > m->available ? m->mem_total - m->available : 0;
        }
        return o->nearest != before;
}

static void read_wholes(struct observer *o, const struct observer_rules *rules, struct machine *m)
{
        o->wholes_ns = o->sampler.now.monotonic_ns;
        o->wholes.mem_total = m->mem_total;
        o->wholes.swap_total = m->swap_total;
        if (limit_reader_follow(o->sampler.proc_fd, &o->limits))
                group_events_moved(&o->group_events);
        limit_read(&o->limits, m->mem_total, &o->wholes.limit);
        read_used(o, rules, m);
        limit_describe(&o->limits, o->nearest, m->mem_total, &o->wholes.nearest);
        set_levels(o, rules);
        set_wake_ups(o, rules);
}

static int check_sources(struct observer *o, const struct observer_rules *rules, const struct target *t,
                         struct diag *d)
{
        int r = all_needs(rules) & TRIGGER_NEEDS_ROLLUP ? sampler_rollup(&o->sampler) : 0;

        for (unsigned i = 0; r < 0 && i < rules->n_triggers; i++)
                if (rules->triggers[i].type->ops->needs & TRIGGER_NEEDS_ROLLUP)
                        return diag_set(d, r, "--%s: /proc/%d/smaps_rollup cannot be read: %s",
                                        rules->triggers[i].type->option, t->pid, strerror(-r));
        return 0;
}

/* A condition whose file is not to be had is as one that never comes true: the others stay. */
static void open_event(struct observer *o, const struct observer_rules *rules, unsigned i,
                       const struct target *target, struct buf *notes)
{
        const struct trigger *t = &rules->triggers[i];
        struct event_source source = {.fd = -1};
        struct diag why = {0};
        int r = t->type->ops->event_open(t, target, &source, &why);

        o->conditions[i].event = source.whose;
        if (r == 0) {
                r = events_add(&o->events, &source, i);
                if (r < 0)
                        diag_set(&why, r, "%s", strerror(-r));
        }
        if (r < 0)
                buf_printf(notes, "--%s %s can never come true: %s\n", t->type->option, t->given, why.text);
        else if (why.text[0])
                buf_printf(notes, "--%s %s: %s\n", t->type->option, t->given, why.text);
}

static void open_conditions(struct observer *o, const struct observer_rules *rules,
                            const struct target *target, struct buf *notes)
{
        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger *t = &rules->triggers[i];

                if (t->type->ops->caveat)
                        t->type->ops->caveat(t, &o->limits, notes);
                if (t->type->ops->event_open)
                        open_event(o, rules, i, target, notes);
        }
}

int observer_open(const struct target *t, const struct observer_rules *rules, struct machine *m,
                  struct observer *ret, struct buf *notes, struct diag *d)
{
        int r = sampler_open(t, &ret->sampler, d);

        if (r < 0)
                return r;
        memset(ret->conditions, 0, sizeof(ret->conditions));
        history_reset(&ret->history);
        ret->events.n = 0;
        ret->wholes.capture_ns = CAPTURE_NS;
        ret->nearest = LIMIT_MACHINE;
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
        ret->group_events = GROUP_EVENTS_NONE;
        read_wholes(ret, rules, m);
        group_events_open(&ret->limits, &ret->group_events, &ret->events);
        set_wake_ups(ret, rules);
        open_conditions(ret, rules, t, notes);
        return 0;
}

void observer_close(struct observer *o)
{
        events_close(&o->events);
        sampler_close(&o->sampler);
        limit_reader_close(&o->limits);
}

int observer_hear(struct observer *o, unsigned i, uint32_t ready)
{
        unsigned owner = o->events.items[i].owner;
        int r = events_take(&o->events, i, ready);

        if (r > 0 && owner < TRIGGERS_MAX)
                o->conditions[owner].happened = true;
        return r < 0 ? r : 0;
}

bool observer_needs_capture(const struct observer_rules *rules)
{
        return all_needs(rules) & TRIGGER_NEEDS_COST;
}

void observer_set_capture(struct observer *o, const struct observer_rules *rules, uint64_t capture_ns)
{
        o->wholes.capture_ns = capture_ns;
        set_levels(o, rules);
}

/* Is the process to be attended for condition i?  `over`: what had come true is over. */
static void judge_nearness(struct observer *o, const struct trigger *t, unsigned i, bool is_true, bool over)
{
        __typeof__(o->conditions[0]) *c = &o->conditions[i];
        uint64_t now_ns = o->sampler.now.monotonic_ns;
        bool lasts = t->type->ops->effect == TRIGGER_FOREWARNS && now_ns - c->true_ns < FOREWARNED_NS;

        if (is_true) {
                c->near = true;
                c->true_ns = now_ns;
        } else if (c->near && over && !lasts) {
                c->near = false;
        }
}

static bool judge_event(struct observer *o, const struct observer_rules *rules, unsigned i)
{
        const struct trigger *t = &rules->triggers[i];
        __typeof__(o->conditions[0]) *c = &o->conditions[i];
        bool happened = c->happened;

        c->happened = false;
        judge_nearness(o, t, i, happened, true);
        c->rearm.fired = c->rearm.fired && c->near;
        return happened && o->sampler.now.monotonic_ns >= c->rearm.quiet_ns &&
               trigger_dumps(t, rules->snapshot);
}

/* How often to look while nothing moves. */
static uint64_t at_rest_ns(const struct observer *o, const struct trigger_ops *ops, uint64_t value)
{
        uint64_t end;

        if (ops->effect != TRIGGER_ARMS)
                return ops->at_rest_ns ? ops->at_rest_ns : POLL_AT_REST_NS;
        if (o->woken)
                return POLL_WOKEN_NS;
        end = ops->end(&o->wholes);
        return poll_unwoken_ns(value < end ? end - value : 0);
}

/* Judge condition i, a level; returns whether it fires and lowers *sleep_ns to when it has to be looked at
 * again. */
static bool judge_level(struct observer *o, const struct observer_rules *rules, unsigned i,
                        uint64_t *sleep_ns)
{
        const struct trigger *t = &rules->triggers[i];
        const struct trigger_ops *ops = t->type->ops;
        __typeof__(o->conditions[0]) *c = &o->conditions[i];
        const struct trigger_view v = view(o, rules, i);
        const struct sample *now = &o->sampler.now;
        bool needs_rollup = ops->needs & TRIGGER_NEEDS_ROLLUP;
        uint64_t level = rearm_level(&c->rearm, c->level), value, bound, wait_ns = 0;

        if (c->level == UINT64_MAX)
                return false;
        if (needs_rollup && now->monotonic_ns >= c->rearm.quiet_ns &&
            sampler_rollup_due(&o->sampler, ops->value(&v), level, &wait_ns))
                sampler_rollup(&o->sampler);
        value = ops->value(&v);
        if (value != SAMPLE_UNKNOWN) {
                judge_nearness(o, t, i, value >= c->level, rearm_is_dip(c->level, value));
                if (rearm_check(&c->rearm, c->level, value, now->monotonic_ns) &&
                    trigger_dumps(t, rules->snapshot))
                        return true;
        }
        bound = needs_rollup ? sampler_bound(now, value) : value;
        if (bound == SAMPLE_UNKNOWN)
                return false;
        poll_speed_update(&c->speed, ops->moving ? ops->moving(&v) : bound, now->monotonic_ns);
        if (c->near && !trigger_dumps(t, rules->snapshot)) {
                uint64_t end = ops->end(&o->wholes);

                wait_ns = poll_interval_armed_ns(bound < end ? end - bound : 0, c->speed.peak,
                                                 rules->longest_ns);
        } else if (now->monotonic_ns < c->rearm.quiet_ns) {
                wait_ns = c->rearm.quiet_ns - now->monotonic_ns;
        } else if (bound < level || wait_ns == 0) {
                wait_ns = poll_interval_ns(bound < level ? level - bound : 0, c->speed.peak,
                                           at_rest_ns(o, ops, bound), rules->longest_ns);
        }
        if (wait_ns < *sleep_ns)
                *sleep_ns = wait_ns;
        return false;
}

static void measure(struct observer *o, const struct observer_rules *rules, struct machine *m)
{
        unsigned needs = all_needs(rules);
        bool changed;

        sampler_details(&o->sampler, m);
        if (needs & TRIGGER_NEEDS_MACHINE)
                sampler_machine(&o->sampler, m, MACHINE_NS);
        changed = needs & TRIGGER_NEEDS_USED && read_used(o, rules, m);
        if (changed || o->sampler.now.monotonic_ns - o->wholes_ns >= WHOLES_NS)
                read_wholes(o, rules, m);
        history_add(&o->history, &o->sampler.now);
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
        measure(o, rules, m);
        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger *t = &rules->triggers[i];

                if (t->type->ops->event_open ? judge_event(o, rules, i)
                                             : judge_level(o, rules, i, ret_sleep_ns))
                        fired |= 1 << i;
        }
        return fired;
}

int observer_arming(const struct observer *o, const struct observer_rules *rules)
{
        int arming = 0;

        for (unsigned i = 0; i < rules->n_triggers && !rules->never_armed; i++)
                if (trigger_arms(&rules->triggers[i]) && o->conditions[i].near)
                        arming |= 1 << i;
        return arming;
}

bool observer_progress(const struct observer *o, const struct observer_rules *rules, unsigned i,
                       struct observer_progress *ret)
{
        const struct trigger_ops *ops = rules->triggers[i].type->ops;
        const struct trigger_view v = view(o, rules, i);

        if (!ops->value || o->conditions[i].level == UINT64_MAX)
                return false;
        *ret = (struct observer_progress){.value = ops->value(&v),
                                          .level = o->conditions[i].level,
                                          .speed = o->conditions[i].speed.peak};
        return true;
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
                struct trigger_view v;

                if (!(fired & 1 << i))
                        continue;
                if (out->len > 0)
                        buf_str(out, "; ");
                v = view(o, rules, i);
                t->type->ops->explain(&v, out);
        }
        explain_growth(o, out);
}

bool observer_in_ramp(const struct observer *o, const struct observer_rules *rules)
{
        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (o->conditions[i].rearm.fired)
                        return true;
        return false;
}

void observer_fired(struct observer *o, const struct observer_rules *rules, int fired)
{
        uint64_t now_ns = clock_monotonic_ns();

        for (unsigned i = 0; i < rules->n_triggers; i++) {
                const struct trigger_ops *ops = rules->triggers[i].type->ops;
                const struct trigger_view v = view(o, rules, i);

                if (fired & 1 << i)
                        rearm_fired(&o->conditions[i].rearm, ops->value ? ops->value(&v) : 0,
                                    ops->end ? ops->end(&o->wholes) : UINT64_MAX, now_ns, rules->cooldown_ns);
        }
}

void observer_failed(struct observer *o, const struct observer_rules *rules, int fired, uint64_t wait_ns)
{
        uint64_t now_ns = clock_monotonic_ns();

        for (unsigned i = 0; i < rules->n_triggers; i++)
                if (fired & 1 << i)
                        rearm_failed(&o->conditions[i].rearm, now_ns, wait_ns);
}
