/* SPDX-License-Identifier: MIT */
/* The conditions that forewarn: their arguments, levels and sentences; judged on a sample and a history by hand. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "trigger/observer.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct observer o;
static struct observer_rules rules;

static void add(const char *kind, const char *text)
{
        struct diag d = {0};

        cr_assert_eq(trigger_parse(trigger_type_find(kind), text, &rules.triggers[rules.n_triggers++], &d), 0,
                     "%s", d.text);
}

static struct trigger_view view(unsigned i)
{
        return (struct trigger_view){.trigger = &rules.triggers[i],
                                     .now = &o.sampler.now,
                                     .wholes = &o.wholes,
                                     .history = &o.history,
                                     .event = "on this machine"};
}

/* What the observer does at a tick, with these numbers as measured. */
static void sample(uint64_t ms, uint64_t rss, uint64_t used)
{
        struct sample *now = &o.sampler.now;

        now->monotonic_ns = NS_PER_S + ms * NS_PER_MS;
        now->rss = rss;
        now->used = used;
        history_add(&o.history, now);
}

static void set_up(void)
{
        memset(&rules, 0, sizeof(rules));
        memset(&o, 0, sizeof(o));
        o.sampler.now = SAMPLE_NOTHING;
        o.wholes = (struct trigger_wholes){.limit = {2 * GIB, "memory group /a"},
                                           .nearest = {4 * GIB, "memory group /"},
                                           .mem_total = 8 * GIB,
                                           .swap_total = 2 * GIB,
                                           .capture_ns = 20 * NS_PER_MS};
}

TestSuite(forewarn, .init = set_up);

Test(forewarn, refuses_what_has_another_unit)
{
        static const struct {
                const char *kind, *text;
        } bad[] = {
                {"growth", "100M"},
                {"growth", "100M/"},
                {"growth", "100M/s/s"},
                {"growth", "10%/s"},
                {"growth", "100/1"},
                {"growth", "0/s"},
                {"growth", "1M/0s"},
                {"growth", "1M/5ms"},
                {"growth", "1M/61min"},
                {"growth", ""},
                {"growth", "/"},
                {"growth", "M/s"},
                {"time_to_limit", "500"},
                {"time_to_limit", "5M"},
                {"time_to_limit", "0s"},
                {"time_to_limit", "2h"},
                {"time_to_limit", "AUTO"},
                {"group_usage", "-1"},
                {"group_usage", "95"
                                "s"},
                {"available", "0%"},
                {"available", "5"},
                {"group_usage", "95"},
                {"available", "101%"},
                {"swap_free", "10ms"},
                {"psi", "100ms"},
                {"psi", "some 1/1"},
                {"psi", "ENV"},
                {"growth", "1111111111111111111111111111111111111111M/s"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct diag d = {0};
                struct trigger t;

                cr_expect_eq(trigger_parse(trigger_type_find(bad[i].kind), bad[i].text, &t, &d), -EINVAL,
                             "%s '%s'", bad[i].kind, bad[i].text);
                cr_expect(strstr(d.text, "--"), "names the option: %s", d.text);
        }
}

Test(forewarn, levels_rise_also_where_the_number_falls)
{
        static const struct {
                const char *kind, *text;
                uint64_t level, value;
        } cases[] = {
                {"group_usage", "75%", 3 * GIB, 3 * GIB},
                {"group_usage", "1G", GIB, 3 * GIB},
                {"available", "25%", 6 * GIB, 7 * GIB},
                {"available", "512M", 8 * GIB - 512 * MIB, 7 * GIB},
                {"available", "100%", 0, 7 * GIB},
                {"available", "20G", 0, 7 * GIB},
                {"swap_free", "50%", GIB, 2 * GIB - 100 * MIB},
                {"time_to_limit", "1s", 4 * GIB, 3 * GIB},
        };

        sample(0, GIB, 3 * GIB);
        o.sampler.now.available = GIB;
        o.sampler.now.swap_free = 100 * MIB;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct trigger_ops *ops;
                struct trigger_view v;

                add(cases[i].kind, cases[i].text);
                v = view((unsigned)i);
                ops = v.trigger->type->ops;
                cr_expect_eq(ops->level(v.trigger, &o.wholes), cases[i].level, "%s %s", cases[i].kind,
                             cases[i].text);
                cr_expect_eq(ops->value(&v), cases[i].value, "%s %s", cases[i].kind, cases[i].text);
        }
}

Test(forewarn, can_not_come_true_without_swap)
{
        add("swap_free", "10%");
        o.wholes.swap_total = 0;
        cr_expect_eq(rules.triggers[0].type->ops->level(&rules.triggers[0], &o.wholes), UINT64_MAX);
}

static void expect_sentence(unsigned i, const char *sentence)
{
        const struct trigger_view v = view(i);
        char text[512];
        struct buf b = BUF_FIXED(text, sizeof(text));

        v.trigger->type->ops->explain(&v, &b);
        cr_expect_str_eq(text, sentence);
}

Test(forewarn, each_explains_itself)
{
        sample(0, GIB, 3 * GIB);
        sample(100, GIB + 100 * MIB, 3 * GIB + 200 * MIB);
        o.sampler.now.available = 400 * MIB;
        o.sampler.now.swap_free = 100 * MIB;
        add("growth", "50M/s");
        add("time_to_limit", "auto");
        add("group_usage", "75%");
        add("available", "5%");
        add("swap_free", "128M");
        add("psi", "full 100ms/2s");
        add("psi", "env");
        expect_sentence(0, "RSS grew by 100 MiB within 1 s, to 1.10 GiB (--growth 50M/s)");
        expect_sentence(
                1,
                "412 ms to the limit: 3.20 GiB of the 4.00 GiB of memory group / used, growing by 1.95 GiB "
                "per second (--time-to-limit auto: 60 ms)");
        expect_sentence(2,
                        "usage 3.20 GiB reached 75 % of the 4.00 GiB of memory group / (--group-usage 75%)");
        expect_sentence(3, "available memory 400 MiB is down to 5 % of the 8.00 GiB of this machine's memory "
                           "(--available 5%)");
        expect_sentence(4, "free swap 100 MiB is down to 128 MiB (--swap-free 128M)");
        expect_sentence(
                5,
                "all tasks on this machine waited for memory for 100 ms within 2 s (--psi 'full 100ms/2s')");
        expect_sentence(6, "memory pressure, as told on this machine (--psi env)");
}

Test(forewarn, growth_is_from_the_lowest_of_the_time_and_no_older)
{
        struct trigger_view v;

        add("growth", "10M/s");
        v = view(0);
        sample(0, 500 * MIB, 0);
        cr_expect_eq(v.trigger->type->ops->value(&v), 0, "nothing is known yet");
        sample(500, 300 * MIB, 0);
        sample(900, 320 * MIB, 0);
        cr_expect_eq(v.trigger->type->ops->value(&v), 20 * MIB);
        sample(1400, 325 * MIB, 0);
        cr_expect_eq(v.trigger->type->ops->value(&v), 25 * MIB);
        sample(1700, 330 * MIB, 0);
        cr_expect_eq(v.trigger->type->ops->value(&v), 10 * MIB, "the lowest is older than a second now");
        sample(4000, 330 * MIB, 0);
        cr_expect_eq(v.trigger->type->ops->value(&v), 0);
}

Test(forewarn, time_to_limit_is_headroom_divided_by_speed)
{
        struct trigger_view v;
        const struct trigger_ops *ops;

        add("time_to_limit", "500ms");
        v = view(0);
        ops = v.trigger->type->ops;
        sample(0, GIB, 3 * GIB);
        sample(100, GIB, 3 * GIB + 100 * MIB); /* 1000 MiB/s; 924 MiB are left */
        cr_expect_lt(ops->value(&v), ops->level(v.trigger, &o.wholes), "0.92 s");
        sample(200, GIB, 3 * GIB + 300 * MIB); /* 2000 MiB/s; 724 MiB are left */
        cr_expect_geq(ops->value(&v), ops->level(v.trigger, &o.wholes), "0.36 s");
        cr_expect_eq(ops->moving(&v), 3 * GIB + 300 * MIB);
        sample(300, GIB, 3 * GIB);
        cr_expect_eq(ops->value(&v), 3 * GIB, "what shrinks never gets there");
}

/* A real process of ours to sample, and events of a pipe. */
static struct machine machine = {.meminfo_fd = -1};

static void open_self(void)
{
        char notes_text[1024] = "";
        struct buf notes = BUF_FIXED(notes_text, sizeof(notes_text));
        struct target self;
        struct diag d = {0};

        rules.longest_ns = NS_PER_S;
        cr_assert_eq(machine_open(&machine, &d), 0);
        cr_assert_eq(target_open(getpid(), &self, &d), 0, "%s", d.text);
        cr_assert_eq(observer_open(&self, &rules, &machine, &o, &notes, &d), 0, "%s", d.text);
}

static int tick(void)
{
        uint64_t sleep_ns;

        return observer_tick(&o, &rules, &machine, &sleep_ns);
}

Test(forewarn, arms_and_dumps_only_with_snapshot)
{
        add("available", "100%");
        open_self();
        cr_expect_eq(tick(), 0);
        cr_expect_eq(observer_arming(&o, &rules), 1);
        rules.never_armed = true;
        cr_expect_eq(observer_arming(&o, &rules), 0);
        rules.snapshot = true;
        cr_expect_eq(tick(), 1);
        cr_expect(!observer_in_ramp(&o, &rules));
        rules.cooldown_ns = 3600 * NS_PER_S;
        observer_fired(&o, &rules, 1);
        cr_expect(observer_in_ramp(&o, &rules));
        cr_expect_eq(tick(), 0, "the cooldown");
        observer_close(&o);
}

Test(forewarn, an_event_arms_for_a_while_and_fires_once)
{
        struct event_source source = {.kind = EVENT_BYTES, .whose = "in a test"};
        unsigned mine;
        int ends[2];

        cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
        add("psi", "env");
        unsetenv("MEMORY_PRESSURE_WATCH");
        open_self();
        mine = o.events.n; /* before it stand the group's wake-ups */
        for (unsigned i = 0; i < mine; i++)
                cr_expect_eq(o.events.items[i].owner, EVENT_WAKES, "its file is not to be had");
        source.fd = ends[0];
        cr_assert_eq(events_add(&o.events, &source, 0), 0);
        rules.snapshot = true;
        cr_expect_eq(observer_hear(&o, mine, 0), 0);
        cr_expect_eq(tick(), 0, "nothing has come");
        cr_assert_eq(write(ends[1], "x", 1), 1);
        cr_expect_eq(observer_hear(&o, mine, 0), 0);
        cr_expect_eq(tick(), 1);
        cr_expect_eq(observer_arming(&o, &rules), 1);
        observer_fired(&o, &rules, 1);
        cr_expect_eq(tick(), 0);
        cr_expect_eq(observer_arming(&o, &rules), 1, "it is armed a while longer");
        o.conditions[0].true_ns -= 31 * NS_PER_S;
        cr_expect_eq(tick(), 0);
        cr_expect_eq(observer_arming(&o, &rules), 0);
        close(ends[1]);
        cr_expect_eq(observer_hear(&o, mine, 0), -ENODATA, "its end");
        observer_close(&o);
}

Test(forewarn, an_event_source_too_many_is_refused_and_closed)
{
        struct events e = {0};
        struct event_source source;

        for (int i = 0; i < EVENTS_MAX; i++) {
                source = (struct event_source){.fd = dup(0), .kind = EVENT_PSI};
                cr_assert_eq(events_add(&e, &source, EVENT_WAKES), 0);
        }
        source = (struct event_source){.fd = dup(0), .kind = EVENT_PSI};
        cr_expect_eq(events_add(&e, &source, EVENT_WAKES), -ENOSPC);
        cr_expect_eq(source.fd, -1);
        events_close(&e);
        cr_expect_eq(e.n, 0);
}
