/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/verdict/verdict.h"
#include "analysis/where.h"
#include "base/cleanup.h"

#define MIB UINT64_C(1048576)

/* A process of 200 MiB, mostly anonymous, on a machine with room. */
static struct report quiet(void)
{
        return (struct report){
                .process = {.comm = "app", .n_threads = 4},
                .memory = {.rss = 200 * MIB,
                           .anon = 180 * MIB,
                           .file = 20 * MIB,
                           .shmem = 0,
                           .swap = 0,
                           .hugetlb = 0,
                           .mem_total = 16384 * MIB,
                           .mem_available = 12000 * MIB,
                           .limit = 16384 * MIB,
                           .limit_used = 4384 * MIB,
                           .limit_source = "MemTotal",
                           .virtual_size = 400 * MIB,
                           .address_space_limit = REPORT_UNKNOWN,
                           .socket_memory = REPORT_UNKNOWN},
                .cgroup = {.limit = REPORT_UNKNOWN, .usage = REPORT_UNKNOWN, .n_processes = REPORT_UNKNOWN},
        };
}

/* The same in a group whose limit binds: `usage` of 400 MiB, with these figures of memory.stat. */
static struct report in_group(uint64_t usage, const struct report_key_value *stat, size_t n_stat)
{
        struct report r = quiet();

        r.cgroup = (struct report_cgroup){.version = 2,
                                          .path = "/a",
                                          .limit = 400 * MIB,
                                          .limit_path = "/a",
                                          .usage = usage,
                                          .limit_usage = usage,
                                          .n_processes = 1,
                                          .stat = stat,
                                          .n_stat = n_stat};
        r.memory.limit = 400 * MIB;
        r.memory.limit_used = usage;
        r.memory.limit_source = "cgroup /a";
        return r;
}

/* n samples, 100 ms apart, each `step` larger. */
static void grow(struct report *r, struct report_sample *samples, size_t n, int64_t step)
{
        for (size_t i = 0; i < n; i++)
                samples[i] = (struct report_sample){
                        .time_ns = UINT64_C(1000000000) + i * 100000000,
                        .rss = r->memory.rss - (n - 1 - i) * (uint64_t)step,
                        .anon = r->memory.anon - (n - 1 - i) * (uint64_t)step,
                };
        r->history = samples;
        r->n_history = n;
}

static void expect(struct report *r, const char *cause, const char *certainty, const char *words,
                   const char *why)
{
        cr_assert_eq(verdict_make(r), 0);
        cr_expect_str_eq(r->verdict.cause, cause, "%s (%s)", why, r->verdict.sentence);
        cr_expect_str_eq(r->verdict.certainty, certainty, "%s (%s)", why, r->verdict.sentence);
        cr_expect(strstr(r->verdict.sentence, words), "%s: '%s'", why, r->verdict.sentence);
}

static bool has_evidence(const struct report *r, const char *words)
{
        for (size_t i = 0; i < r->verdict.n_evidence; i++)
                if (strstr(r->verdict.evidence[i], words))
                        return true;
        return false;
}

Test(verdict, says_nothing_where_nothing_stands_out)
{
        struct report r = quiet();

        expect(&r, "none", "possible", "nothing stands out", "a large heap alone is no fault");
        cr_expect(isnan(r.memory.growth_bytes_per_s));
        pool_free(&r.pool);
}

Test(verdict, a_leak_is_likely_only_when_growth_was_seen)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, 20, 5 * MIB);
        expect(&r, "leak", "likely", "50.0 MiB/s", "grows by 5 MiB in 100 ms, steadily");
        cr_expect_float_eq(r.memory.growth_bytes_per_s, 50.0 * MIB, 1);
        cr_expect(has_evidence(&r, "20 samples"));
        pool_free(&r.pool);

        r = in_group(390 * MIB, NULL, 0);
        r.memory.rss = r.memory.anon = 380 * MIB;
        expect(&r, "leak", "possible", "95 % of the limit", "at the limit, but nobody saw it grow");
        cr_expect(has_evidence(&r, "390 MiB of 400 MiB used (98 %; cgroup /a)"));
        pool_free(&r.pool);
}

Test(verdict, says_when_the_limit_is_reached)
{
        struct report_sample samples[20];
        struct report r = in_group(350 * MIB, NULL, 0);

        grow(&r, samples, 20, 5 * MIB);
        expect(&r, "leak", "likely", "grows", "");
        cr_expect(has_evidence(&r, "full in 1.0 s at this speed"), "50 MiB are left, 50 MiB/s");
        pool_free(&r.pool);
}

Test(verdict, growth_that_is_not_of_the_heap_is_no_leak)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, 20, 5 * MIB);
        for (size_t i = 0; i < 20; i++)
                samples[i].anon = r.memory.anon;
        expect(&r, "none", "possible", "nothing", "files grow, anonymous memory does not");
        pool_free(&r.pool);
}

Test(verdict, noise_and_two_samples_are_no_growth)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, 2, 20 * MIB);
        expect(&r, "none", "possible", "nothing", "two samples are always on a line");
        grow(&r, samples, 20, 0);
        for (size_t i = 0; i < 20; i++)
                samples[i].rss -= (i * 7919) % 13 * MIB;
        expect(&r, "none", "possible", "nothing", "up and down");
        pool_free(&r.pool);
}

Test(verdict, a_runtime_has_a_heap_of_its_own)
{
        static const struct {
                const char *path, *perms, *runtime;
        } cases[] = {
                {"/usr/bin/node", "r-xp", "Node.js"},
                {"/usr/lib/jvm/lib/server/libjvm.so", "r-xp", "the JVM"},
                {"/usr/bin/python3.11", "r-xp", "Python"},
                {"/usr/lib/libpython3.11.so.1.0", "r-xp", "Python"},
                {"/usr/bin/node_exporter", "r-xp", NULL},
                {"/usr/bin/nodeos", "r-xp", NULL},
                {"/usr/bin/python3-config", "r-xp", NULL},
                {"/home/node", "r--p", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct report_map map = {
                        .start = 1, .end = 2, .path = cases[i].path, .perms = cases[i].perms};
                struct report r = quiet();

                r.maps = &map;
                r.n_maps = 1;
                expect(&r, cases[i].runtime ? "runtime-heap" : "none", "possible",
                       cases[i].runtime ? cases[i].runtime : "nothing", cases[i].path);
                pool_free(&r.pool);
        }
}

Test(verdict, a_runtime_that_holds_little_by_its_own_figures_is_not_the_cause)
{
        struct report_map map = {.start = 1, .end = 2, .path = "/usr/bin/python3.11", .perms = "r-xp"};
        struct report_other_heap heap = {.name = "CPython", .kind = "runtime", .in_use = 2 * MIB};
        struct report r = quiet();

        r.maps = &map;
        r.n_maps = r.n_heaps = 1;
        r.heaps = &heap;
        heap.system = r.memory.rss / 10;
        expect(&r, "none", "possible", "nothing", "a tenth");
        pool_free(&r.pool);
        heap.system = r.memory.rss;
        expect(&r, "runtime-heap", "possible", "heap holds 90 %", "all that is anonymous");
        pool_free(&r.pool);
        r.memory.where = &(struct report_where){"CPython heap", r.memory.rss / 4 * 3};
        r.memory.n_where = 1;
        expect(&r, "runtime-heap", "possible", "heap holds 75 %",
               "what of it is resident, as \"Where\" says");
        pool_free(&r.pool);
        r.memory.n_where = 0;
        heap.refused = "another layout";
        heap.system = 0;
        expect(&r, "runtime-heap", "possible", "native memory", "not known");
        pool_free(&r.pool);
}

Test(verdict, the_group_is_judged_before_the_process)
{
        static const struct report_key_value cache[] = {
                {"anon", 20 * MIB}, {"file", 360 * MIB}, {"shmem", 10 * MIB}, {"file_dirty", MIB}};
        static const struct report_key_value shmem[] = {
                {"anon", 20 * MIB}, {"file", 360 * MIB}, {"shmem", 350 * MIB}};
        static const struct report_key_value sock[] = {
                {"anon", 20 * MIB}, {"file", 0}, {"shmem", 0}, {"sock", 250 * MIB}};
        static const struct report_key_value anon[] = {{"anon", 380 * MIB}, {"file", 0}, {"shmem", 0}};
        static const struct {
                const struct report_key_value *stat;
                size_t n;
                const char *cause, *certainty;
        } cases[] = {
                {cache, 4, "page-cache", "likely"},
                {shmem, 3, "tmpfs", "certain"},
                {sock, 4, "socket-buffers", "likely"},
        };
        struct report r;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                r = in_group(390 * MIB, cases[i].stat, cases[i].n);
                r.memory.rss = r.memory.anon = 20 * MIB;
                expect(&r, cases[i].cause, cases[i].certainty, "the group's memory", cases[i].cause);
                pool_free(&r.pool);
                r.pool = (struct pool){0};
                r.memory.limit_used = r.cgroup.usage = 50 * MIB;
                expect(&r, "none", "possible", "nothing", "far from the limit nobody needs to care");
                pool_free(&r.pool);
        }
        r = in_group(390 * MIB, anon, 3);
        r.memory.rss = r.memory.anon = 20 * MIB;
        r.cgroup.n_processes = 16;
        expect(&r, "many-processes", "likely", "16 processes", "it has 5 % of it");
        pool_free(&r.pool);
        r = in_group(390 * MIB, anon, 3);
        r.memory.rss = r.memory.anon = 370 * MIB;
        r.cgroup.n_processes = 16;
        expect(&r, "leak", "possible", "itself", "16 processes, but this one holds nearly all");
        pool_free(&r.pool);
}

Test(verdict, version_1_counts_the_whole_group_under_other_names)
{
        static const struct report_key_value stat[] = {
                {"rss", 0}, {"total_rss", 380 * MIB}, {"total_cache", 0}, {"total_shmem", 0}};
        struct report r = in_group(390 * MIB, stat, 4);

        r.cgroup.version = 1;
        r.cgroup.n_processes = 3;
        r.memory.rss = r.memory.anon = 20 * MIB;
        expect(&r, "many-processes", "likely", "3 processes", "");
        pool_free(&r.pool);
}

Test(verdict, what_is_counted_directly_is_certain)
{
        struct report_map maps[] = {
                {.start = 0x1000,
                 .end = 0x2000,
                 .perms = "r--s",
                 .path = "/var/lib/big\x1b.mdb",
                 .rss = 180 * MIB,
                 .anonymous = 0},
                {.start = 0x3000,
                 .end = 0x4000,
                 .perms = "rw-p",
                 .path = "[stack]",
                 .rss = 20 * MIB,
                 .anonymous = 20 * MIB},
        };
        struct report r = quiet();

        r.maps = maps;
        r.n_maps = 2;
        cr_assert_eq(where_account(&r, NULL, 0), 0);
        expect(&r, "mapping", "certain", "mapped", "90 % of RSS");
        cr_expect(has_evidence(&r, "/var/lib/big\x1b.mdb"), "raw: the renderer escapes");
        pool_free(&r.pool);

        r = quiet();
        maps[0].rss = 20 * MIB;
        maps[1].rss = 180 * MIB;
        r.maps = maps;
        r.n_maps = 2;
        cr_assert_eq(where_account(&r, NULL, 0), 0);
        expect(&r, "thread-stacks", "certain", "stacks", "90 % of RSS");
        cr_expect(has_evidence(&r, "4 threads"));
        pool_free(&r.pool);

        r = quiet();
        r.memory.hugetlb = 900 * MIB;
        expect(&r, "huge-pages", "certain", "900 MiB", "beside RSS");
        pool_free(&r.pool);

        r = quiet();
        r.memory.shmem = 150 * MIB;
        expect(&r, "tmpfs", "certain", "shared memory", "75 % of RSS");
        pool_free(&r.pool);

        r = quiet();
        r.memory.socket_memory = 400 * MIB;
        expect(&r, "socket-buffers", "likely", "sockets", "more than RSS");
        pool_free(&r.pool);
}

Test(verdict, small_programs_are_not_judged)
{
        struct report r = quiet();

        r.memory.rss = r.memory.shmem = 4 * MIB;
        r.memory.anon = 0;
        expect(&r, "none", "possible", "nothing", "4 MiB of shared memory");
        pool_free(&r.pool);
}

Test(verdict, of_the_unknown_nothing_is_claimed)
{
        struct report r = quiet();

        r.memory.rss = r.memory.anon = r.memory.shmem = r.memory.limit = r.memory.limit_used =
                r.memory.hugetlb = REPORT_UNKNOWN;
        r.memory.swap = r.memory.virtual_size = REPORT_UNKNOWN;
        r.process.comm = NULL;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect_str_eq(r.verdict.cause, "none");
        cr_expect_null(r.verdict.certainty);
        cr_expect(strstr(r.verdict.sentence, "not known"));
        cr_expect_eq(r.verdict.n_evidence, 0);
        pool_free(&r.pool);
}

Test(verdict, names_the_address_space_and_earlier_kills)
{
        static const struct report_key_value events[] = {{"oom", 3}, {"oom_kill", 2}};
        struct report r = quiet();

        r.memory.address_space_limit = 450 * MIB;
        r.cgroup.events = events;
        r.cgroup.n_events = 2;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect(has_evidence(&r, "RLIMIT_AS"));
        cr_expect(has_evidence(&r, "killed 2 processes of this group"));
        pool_free(&r.pool);
}

Test(verdict, the_kernels_word_is_evidence_and_its_kill_no_earlier_one)
{
        static const struct report_key_value once[] = {{"oom_kill", 1}}, twice[] = {{"oom_kill", 2}};
        struct report_kill kill = {.was_target = true,
                                   .scope = "group",
                                   .group = "/a",
                                   .limit = 400 * MIB,
                                   .anon_rss = 180 * MIB};
        struct report r = in_group(400 * MIB, NULL, 0);

        r.kill = &kill;
        r.cgroup.events = once;
        r.cgroup.n_events = 1;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect(has_evidence(
                &r, "the kernel killed it because memory group /a reached its limit of 400 MiB; it held "
                    "180 MiB of anonymous memory then"));
        cr_expect_not(has_evidence(&r, "before"), "the counter holds this kill");
        r.cgroup.events = twice;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect(has_evidence(&r, "has killed 1 process of this group for memory before"));
        /* Another process's kill says nothing about this one. */
        kill.was_target = false;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect_not(has_evidence(&r, "the kernel killed it"));
        cr_expect(has_evidence(&r, "has killed 2 processes"));
        pool_free(&r.pool);
}

/* Two places, of which the first grows. */
static void record(struct report *r, uint64_t first, uint64_t error, uint64_t growth)
{
        static const struct report_frame frames[] = {
                {.function = "shop::Cache::put", .module = "/opt/shop", .file = "src/cache.cc", .line = 41},
                {.function = "shop::load", .module = "/opt/shop", .file = "src/load.cc", .line = 7}};
        static struct report_place places[2];

        places[0] = (struct report_place){&frames[0], first, error, 1000, growth, error, 1};
        places[1] = (struct report_place){&frames[1], 20 * MIB, MIB, 1, 0, 0, 1};
        r->heap.source = "recorder";
        r->heap.live_bytes = first + 20 * MIB;
        r->heap.places = places;
        r->heap.n_places = ARRAY_SIZE(places);
}

Test(verdict, a_leak_that_was_recorded_is_named_for_certain)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, ARRAY_SIZE(samples), MIB);
        record(&r, 150 * MIB, 10 * MIB, 60 * MIB);
        expect(&r, "leak", "certain", "at shop::Cache::put at cache.cc:41: it holds 150 MiB",
               "most of RSS, and grows");
        pool_free(&r.pool);
}

Test(verdict, where_nothing_stands_out_it_says_whether_malloc_has_it_in_use)
{
        struct report r = quiet();

        r.malloc.allocator = "jemalloc";
        r.malloc.time_ns = r.time_ns = 1;
        r.malloc.in_use = 60 * MIB;
        r.malloc.free_held = MIB;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect_not(has_evidence(&r, "jemalloc"), "the smaller part of 200 MiB");
        pool_free(&r.pool);
        r.malloc.in_use = 160 * MIB;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect(has_evidence(&r, "jemalloc has 160 MiB in use and 1.00 MiB free"));
        pool_free(&r.pool);
}

Test(verdict, a_recorder_alone_still_says_who_held_the_heap)
{
        struct report r = quiet();

        r.memory.rss = r.memory.anon = r.memory.limit = r.memory.limit_used = REPORT_UNKNOWN;
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect_str_eq(r.verdict.sentence, "how much memory the process held is not known");
        pool_free(&r.pool);
        record(&r, 60 * MIB, 10 * MIB, 0);
        cr_assert_eq(verdict_make(&r), 0);
        cr_expect_str_eq(r.verdict.sentence,
                         "its RSS is not known; the heap of app held 80.0 MiB, most of it from "
                         "shop::Cache::put at cache.cc:41: 60.0 MiB ± 10.0 MiB (75 %)");
        cr_expect_str_eq(r.verdict.cause, "none");
        pool_free(&r.pool);
}

Test(verdict, a_place_that_does_not_grow_is_no_leak)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, ARRAY_SIZE(samples), MIB);
        record(&r, 150 * MIB, 10 * MIB, 0);
        expect(&r, "leak", "likely", "grows steadily", "what grows was not recorded");
        pool_free(&r.pool);
}

Test(verdict, a_wide_error_bar_names_nobody)
{
        struct report_sample samples[20];
        struct report r = quiet();

        grow(&r, samples, ARRAY_SIZE(samples), MIB);
        record(&r, 150 * MIB, 70 * MIB, 80 * MIB);
        expect(&r, "leak", "likely", "grows steadily", "it may hold only 80 MiB of 200");
        pool_free(&r.pool);
}

Test(verdict, a_program_at_rest_leaks_nothing)
{
        struct report r = quiet();

        record(&r, 150 * MIB, 10 * MIB, 60 * MIB);
        expect(&r, "none", "possible", "nothing stands out", "not killed, not growing, far from the limit");
        pool_free(&r.pool);
}

Test(verdict, what_malloc_keeps_is_fragmentation)
{
        struct report r = quiet();

        r.time_ns = UINT64_C(100000000000);
        r.malloc.allocator = "glibc";
        r.malloc.time_ns = r.time_ns - 1;
        r.malloc.in_use = 30 * MIB;
        r.malloc.free_held = 160 * MIB;
        r.malloc.top = MIB;
        expect(&r, "fragmentation", "certain", "glibc keeps it: 160 MiB, 80 % of RSS", "most of RSS is free");
        r.malloc.time_ns = 1;
        expect(&r, "none", "possible", "nothing", "figures of long ago say nothing");
        pool_free(&r.pool);
}
