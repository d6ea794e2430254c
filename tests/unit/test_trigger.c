/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "trigger/group_events.h"
#include "trigger/poll_interval.h"
#include "trigger/proc_text.h"
#include "trigger/rearm.h"
#include "trigger/sampler.h"
#include "trigger/trigger.h"

#define MB  UINT64_C(1000000)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const struct trigger_type *type_named(const char *kind)
{
        for (size_t i = 0; i < n_trigger_types; i++)
                if (strcmp(trigger_types[i].kind, kind) == 0)
                        return &trigger_types[i];
        cr_assert_fail("no condition %s", kind);
        return NULL;
}

Test(trigger, refuses_what_is_no_level)
{
        static const struct {
                const char *kind, *text;
                int r;
        } cases[] = {
                {"rss", "512M", 0},
                {"rss", "90%", 0},
                {"rss", "100%", 0},
                {"rss", "0", -EINVAL},
                {"rss", "90", -EINVAL},
                {"rss", "4095", -EINVAL},
                {"rss", "4096", 0},
                {"swap", "4K", 0},
                {"arm", "70", -EINVAL},
                {"arm", "70%", 0},
                {"arm", "always", 0},
                {"arm", "never", 0},
                {"rss", "0%", -EINVAL},
                {"rss", "101%", -EINVAL},
                {"rss", "", -EINVAL},
                {"rss", "-1", -EINVAL},
                {"rss", "5X", -EINVAL},
                {"rss", "99999999999999999999G", -EINVAL},
                {"rss", "1.0000000000000000000000000000000001G", -EINVAL},
                {"pss", "many", -EINVAL},
                {"pressure", "1", 0},
                {"pressure", "99", 0},
                {"pressure", "0", -EINVAL},
                {"pressure", "100", -EINVAL},
                {"pressure", "101", -EINVAL},
                {"pressure", "5.5", -EINVAL},
                {"pressure", "50%", -EINVAL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag d = {0};
                struct trigger t;

                cr_expect_eq(trigger_parse(type_named(cases[i].kind), cases[i].text, &t, &d), cases[i].r,
                             "%s '%s'", cases[i].kind, cases[i].text);
                cr_expect_eq(d.text[0] == '\0', cases[i].r == 0);
        }
}

Test(trigger, levels_and_sentences)
{
        const struct trigger_wholes wholes = {
                .limit = {2 * GIB, "memory group /a"}, .mem_total = 8 * GIB, .swap_total = 4 * GIB};
        static const struct {
                const char *kind, *text;
                uint64_t level;
                const char *sentence;
        } cases[] = {
                {"rss", "512M", 512 * MIB, "RSS 1.00 GiB reached 512 MiB (--rss 512M)"},
                {"rss", "50%", GIB,
                 "RSS 1.00 GiB reached 50 % of the 2.00 GiB of memory group /a (--rss 50%)"},
                {"pss", "1G", GIB, "PSS 900 MiB reached 1.00 GiB (--pss 1G)"},
                {"uss", "50%", GIB,
                 "USS 800 MiB reached 50 % of the 2.00 GiB of memory group /a (--uss 50%)"},
                {"swap", "25%", GIB, "swap 700 MiB reached 25 % of the 4.00 GiB of swap (--swap 25%)"},
                {"pressure", "50", 4 * GIB,
                 "RSS 1.00 GiB reached 50 % of the 8.00 GiB of this machine's memory (-m 50)"},
        };
        const struct sample now = {.rss = GIB, .pss = 900 * MIB, .uss = 800 * MIB, .swap = 700 * MIB};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[256];
                struct buf b = BUF_FIXED(text, sizeof(text));
                struct trigger_view v;
                struct trigger t;
                struct diag d;

                cr_assert_eq(trigger_parse(type_named(cases[i].kind), cases[i].text, &t, &d), 0, "%s",
                             d.text);
                cr_expect_eq(t.type->ops->level(&t, &wholes), cases[i].level, "%s", cases[i].kind);
                v = (struct trigger_view){.trigger = &t, .now = &now, .wholes = &wholes};
                t.type->ops->explain(&v, &b);
                cr_expect_str_eq(b.data, cases[i].sentence);
        }
}

Test(trigger, swap_can_never_come_true_without_swap)
{
        const struct trigger_wholes wholes = {.limit = {GIB, ""}, .mem_total = GIB};
        struct trigger t;
        struct diag d;

        cr_assert_eq(trigger_parse(type_named("swap"), "1M", &t, &d), 0);
        cr_expect_eq(t.type->ops->level(&t, &wholes), UINT64_MAX);
}

/* A process at rest `headroom` below its threshold starts at full speed at the worst moment (just after a
 * poll): how far past the threshold is it when the watcher sees that? */
static uint64_t overshoot(uint64_t headroom, uint64_t speed)
{
        struct poll_speed s = {0};
        uint64_t now_ns = NS_PER_S, value = 0;

        poll_speed_update(&s, 0, now_ns);
        for (;;) {
                uint64_t sleep_ns = poll_interval_ns(headroom - value, s.peak, POLL_AT_REST_NS, NS_PER_S);

                now_ns += sleep_ns;
                value += (uint64_t)((double)sleep_ns * (double)speed / NS_PER_S);
                if (value >= headroom)
                        return value - headroom;
                poll_speed_update(&s, value, now_ns);
        }
}

Test(poll_interval, sees_a_full_speed_leak_in_time)
{
        for (uint64_t mb = 160; mb < 20000; mb += 10)
                cr_expect_leq(overshoot(mb * MB, 2800 * MB), 2 * MB, "%lu MB below", (unsigned long)mb);
        for (uint64_t mb = 1; mb < 160; mb++)
                cr_expect_leq(overshoot(mb * MB, 2800 * MB), 56 * MB, "%lu MB below", (unsigned long)mb);
}

Test(poll_interval, is_cheap_at_rest)
{
        cr_expect_eq(poll_interval_ns(10 * GIB, 0, POLL_AT_REST_NS, NS_PER_S), NS_PER_S);
        cr_expect_eq(poll_interval_ns(UINT64_MAX, 1 << 30, POLL_AT_REST_NS, NS_PER_S), NS_PER_S,
                     "no threshold");
        cr_expect_eq(poll_interval_ns(1 * MB, 0, POLL_AT_REST_NS, NS_PER_S), 20 * NS_PER_MS);
        cr_expect_eq(poll_interval_ns(0, 0, POLL_AT_REST_NS, NS_PER_S), 20 * NS_PER_MS);
        cr_expect_eq(poll_interval_ns(800 * MB, 0, POLL_AT_REST_NS, NS_PER_S), 100 * NS_PER_MS);
        cr_expect_eq(poll_interval_ns(MB, UINT64_MAX, POLL_AT_REST_NS, NS_PER_S), NS_PER_MS / 2,
                     "never shorter");
        cr_expect_eq(poll_interval_ns(MB, UINT64_MAX, POLL_AT_REST_NS, NS_PER_MS / 10), NS_PER_MS / 10,
                     "but -i is the longest");
}

Test(poll_interval, looks_twice_before_the_end_when_nobody_wakes_it)
{
        cr_expect_eq(poll_unwoken_ns(80 * MB), 5 * NS_PER_MS);
        cr_expect_eq(poll_unwoken_ns(0), 2 * NS_PER_MS);
        cr_expect_eq(poll_unwoken_ns(100 * GIB), POLL_AT_REST_NS);
}

/* However fast memory goes, a sixteenth of what is left may go unseen. */
Test(machine_memory, is_read_the_more_often_the_less_there_is)
{
        struct machine m = {.meminfo_fd = -1};

        for (m.available = 64 * MIB; m.available <= 6400 * MB; m.available *= 2)
                cr_assert_float_eq((double)machine_holds_ns(&m), (double)m.available / 16 / 8, 1, "%lu MB",
                                   (unsigned long)(m.available / MB));
        m.available = 0;
        cr_assert_eq(machine_holds_ns(&m), POLL_SHORTEST_NS);
        m.available = 1000 * GIB;
        cr_assert_eq(machine_holds_ns(&m), 50 * NS_PER_MS);
}

Test(group_events, a_threshold_is_two_fds_and_bytes)
{
        char line[64];

        group_events_line(17, 18, 734003200, line, sizeof(line));
        cr_expect_str_eq(line, "17 18 734003200");
        group_events_line(17, 18, UINT64_MAX, line, sizeof(line));
        cr_expect_str_eq(line, "17 18 18446744073709551615");
}

Test(poll_interval, speed_is_a_peak_that_halves_each_second)
{
        struct poll_speed s = {0};
        uint64_t t = NS_PER_S;

        poll_speed_update(&s, 0, t);
        poll_speed_update(&s, 100 * MB, t += NS_PER_S);
        cr_expect_eq(s.peak, 100 * MB);
        poll_speed_update(&s, 100 * MB, t += NS_PER_S);
        cr_expect_eq(s.peak, 50 * MB);
        poll_speed_update(&s, 0, t += NS_PER_S / 2);
        cr_expect_eq(s.peak, 37500000);
        poll_speed_update(&s, 0, t += 100 * NS_PER_S);
        cr_expect_eq(s.peak, 0);
        poll_speed_update(&s, 200 * MB, t += NS_PER_US);
        cr_expect_eq(s.peak, 0, "too close to the reading before");
}

Test(rearm, once_per_crossing_and_not_within_the_cooldown)
{
        struct rearm r = {0};
        const uint64_t s = NS_PER_S;

        cr_expect(!rearm_check(&r, 1000, 999, 1 * s));
        cr_expect(rearm_check(&r, 1000, 1000, 2 * s));
        rearm_fired(&r, 1000, UINT64_MAX, 2 * s, 60 * s);
        cr_expect(!rearm_check(&r, 1000, 5000, 30 * s), "cooldown");
        cr_expect(!rearm_check(&r, 1000, 1200, 62 * s), "above, but not by a quarter");
        cr_expect(rearm_check(&r, 1000, 1250, 63 * s), "a quarter more");
        cr_expect(!rearm_check(&r, 1000, 960, 64 * s));
        cr_expect(!rearm_check(&r, 1000, 1100, 65 * s), "a little below is no dip");
        cr_expect(!rearm_check(&r, 1000, 949, 66 * s));
        cr_expect(rearm_check(&r, 1000, 1000, 67 * s), "a new crossing");
}

Test(rearm, comes_closer_to_the_limit)
{
        struct rearm r = {0};

        rearm_fired(&r, 800, 1000, 0, 0);
        cr_expect_eq(rearm_level(&r, 800), 900);
        rearm_fired(&r, 900, 1000, 0, 0);
        cr_expect_eq(rearm_level(&r, 800), 950);
        rearm_fired(&r, 1000, 1000, 0, 0);
        cr_expect_eq(rearm_level(&r, 800), 1250);
}

Test(rearm, a_failed_dump_is_tried_again)
{
        struct rearm r = {0};

        cr_expect(rearm_check(&r, 10, 10, 100));
        rearm_failed(&r, 100, 50);
        cr_expect(!rearm_check(&r, 10, 10, 149));
        cr_expect(rearm_check(&r, 10, 10, 150));
}

Test(sampler, reads_the_rollup_only_when_it_may_matter)
{
        struct sampler s = SAMPLER_NONE;
        uint64_t wait_ns = 0;

        s.now = SAMPLE_NOTHING;
        s.now.rss = 99 * MIB;
        s.now.monotonic_ns = NS_PER_S;
        cr_expect(!sampler_rollup_due(&s, s.now.pss, 100 * MIB, &wait_ns), "PSS is never above RSS");
        s.now.rss = 150 * MIB;
        cr_expect(sampler_rollup_due(&s, s.now.pss, 100 * MIB, &wait_ns), "never measured");

        s.now.pss = 50 * MIB;
        s.now.rollup_rss = 150 * MIB;
        s.rollup_end_ns = NS_PER_S;
        s.rollup_cost_ns = NS_PER_MS;
        cr_expect(!sampler_rollup_due(&s, s.now.pss, 100 * MIB, &wait_ns));
        cr_expect_eq(wait_ns, NS_PER_S, "a thousandth of the time at rest");
        s.now.monotonic_ns += NS_PER_S;
        cr_expect(sampler_rollup_due(&s, s.now.pss, 100 * MIB, &wait_ns));

        s.now.monotonic_ns = NS_PER_S;
        s.now.rss = 200 * MIB;
        cr_expect_eq(sampler_bound(&s.now, s.now.pss), 100 * MIB);
        cr_expect(!sampler_rollup_due(&s, s.now.pss, 100 * MIB, &wait_ns));
        cr_expect_eq(wait_ns, 10 * NS_PER_MS, "a tenth when RSS grew by what was missing");
}

Test(proc_text, statm_and_kb_lines)
{
        static const char status[] =
                "Name:\tVmSwap: 1 kB\nVmRSS:\t   12 kB\nVmSwap:\t     512 kB\nVmX:\tmany\n";
        struct statm s;
        uint64_t bytes;

        cr_assert_eq(statm_parse("25921 7731 4220 1062 0 6021 0\n", 30, &s), 0);
        cr_expect_eq(s.resident, 7731);
        cr_expect_eq(s.shared, 4220);
        cr_expect_eq(statm_parse("25921 7731 ", 11, &s), -EINVAL);
        cr_expect_eq(statm_parse("", 0, &s), -EINVAL);
        cr_expect_eq(kb_line_parse(status, strlen(status), "VmSwap:", &bytes), 0);
        cr_expect_eq(bytes, 512 * 1024, "the key at the beginning of a line, not in the name");
        cr_expect_eq(kb_line_parse(status, strlen(status), "VmX:", &bytes), -EINVAL);
        cr_expect_eq(kb_line_parse(status, strlen(status), "VmLck:", &bytes), -ENODATA);
        for (size_t n = 0; n < 32; n++)
                cr_expect(kb_line_parse(status, n, "VmRSS:", &bytes) < 0, "cut after %zu bytes", n);
}
