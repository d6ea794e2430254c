/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/manifest.h"
#include "base/cleanup.h"

static const char example[] =
        "{\"format\": 1, \"swansong\": \"0.1.0\", \"complete\": true,"
        " \"host\": {\"hostname\": \"db1\", \"kernel\": \"6.18.44\", \"machine\": \"x86_64\", \"page_size\": "
        "4096,"
        "  \"clock_ticks\": 100, \"cpus\": 2, \"boot_time_ns\": 1763690000000000000},"
        " \"time_ns\": 1763700000000000000, \"monotonic_ns\": 123456789,"
        " \"trigger\": {\"kind\": \"dump\", \"sentence\": \"by hand\", \"guarantee\": \"early\", "
        "\"ms_before_kill\": 1.5},"
        " \"target\": {\"pid\": 4711, \"ppid\": 1, \"start_ticks\": 987654, \"comm\": \"redis\", \"exe\": "
        "\"/usr/bin/redis\","
        "  \"exe_deleted\": true, \"build_id\": null, \"uid\": 107, \"state\": \"S\", \"condition\": "
        "\"traced\","
        "  \"namespaces\": {\"mnt\": 4026531841, \"net\": null}},"
        " \"pause_ns\": 210000, \"threads\": {\"listed\": 16, \"stopped\": 15, \"syscall\": 1, \"lost\": 0},"
        " \"sections\": [{\"path\": \"core\", \"status\": \"cut\", \"errno\": 28, \"reason\": null, "
        "\"optional\": false,"
        "  \"bytes\": 300000, \"begin_ns\": 1, \"end_ns\": 2, \"new key\": [1]}]}";

Test(report_manifest, reads_the_example_of_the_format)
{
        struct pool pool = {0};
        struct manifest m;
        struct diag d;

        cr_assert_eq(manifest_parse(example, strlen(example), &pool, &m, &d), 0);
        cr_expect(m.complete);
        cr_expect_str_eq(m.hostname, "db1");
        cr_expect_eq(m.page_size, 4096);
        cr_expect_eq(m.boot_time_ns, UINT64_C(1763690000000000000));
        cr_expect_float_eq(m.ms_before_kill, 1.5, 1e-9);
        cr_expect_eq(m.pid, 4711);
        cr_expect(m.exe_deleted);
        cr_expect_null(m.build_id, "null is unknown");
        cr_expect_str_eq(m.condition, "traced");
        cr_assert_eq(m.n_namespaces, 1);
        cr_expect_str_eq(m.namespaces[0].value, "4026531841");
        cr_assert_eq(m.n_sections, 1);
        cr_expect_eq(m.sections[0].err, 28);
        pool_free(&pool);
}

Test(report_manifest, a_key_of_another_type_is_unknown)
{
        static const char text[] =
                "{\"format\": 1, \"complete\": \"true\", \"host\": [], \"time_ns\": -5, \"pause_ns\": 1e300,"
                "\"trigger\": {\"ms_before_kill\": null, \"kind\": 5}, \"target\": {\"pid\": \"4711\"},"
                "\"sections\": [null, 5, {}, {\"path\": 1}, {\"path\": \"x\"}]}";
        struct pool pool = {0};
        struct manifest m;
        struct diag d;

        cr_assert_eq(manifest_parse(text, strlen(text), &pool, &m, &d), 0);
        cr_expect_not(m.complete);
        cr_expect_eq(m.time_ns, REPORT_UNKNOWN);
        cr_expect_eq(m.pause_ns, REPORT_UNKNOWN);
        cr_expect_eq(m.pid, REPORT_UNKNOWN);
        cr_expect(isnan(m.ms_before_kill));
        cr_expect_null(m.trigger_kind);
        cr_assert_eq(m.n_sections, 1, "a row without a path is none");
        cr_expect_null(m.sections[0].status);
        pool_free(&pool);
}

Test(report_manifest, says_what_is_wrong)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                {"", "damaged"},
                {"{\"format\": 1, \"swansong\": \"0.", "damaged"},
                {"[1]", "not an object"},
                {"{\"format\": 2}", "format"},
                {"{}", "format"},
                {"{\"format\": 1, \"a\": \"\\u0000\"}", "damaged"},
                {"{\"format\": 1, \"a\": \"\xff\"}", "damaged"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct pool pool = {0};
                struct manifest m;
                struct diag d;

                cr_expect_eq(manifest_parse(cases[i].text, strlen(cases[i].text), &pool, &m, &d), -EINVAL,
                             "%s", cases[i].text);
                cr_expect(strstr(d.text, cases[i].words), "%s: %s", cases[i].text, d.text);
                pool_free(&pool);
        }
}

Test(report_manifest, cut_anywhere_is_damaged_but_never_a_crash)
{
        for (size_t n = 0; n < sizeof(example) - 1; n++) {
                char *copy = malloc(n ? n : 1); /* ASan sees every byte behind it */
                struct pool pool = {0};
                struct manifest m;
                struct diag d;

                memcpy(copy, example, n);
                cr_expect_eq(manifest_parse(copy, n, &pool, &m, &d), -EINVAL);
                pool_free(&pool);
                free(copy);
        }
}
