/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "analysis/heap/recorder.h"
#include "analysis/heap/recorder_sites.h"
#include "analysis/report_build.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/recorder/recorder_head.h"
#include "fixture_recorder.h"
#include "render/renderer.h"

#define MIB (UINT64_C(1) << 20)

static const uint64_t at_a[] = {0x401100, 0x401900, 0x7f0000001234},
                      at_b[] = {0x401200, 0x401900, 0x7f0000001234};

/* Two sites: the first holds 100 samples of 1 KiB at w = 513, the second 3. */
static struct fixture_recorder two_sites(void)
{
        struct fixture_recorder f = fixture_recorder(256, 8);
        uint32_t a = fixture_stack(&f, at_a, 3), b = fixture_stack(&f, at_b, 3);

        for (int i = 0; i < 100; i++)
                fixture_block(&f, a, 1024, 513, i % 2 ? 1 : 9);
        for (int i = 0; i < 3; i++)
                fixture_block(&f, b, 1024, 513, 5);
        fixture_module(&f, 0x400000, 0x500000, "/opt/shop/bin/orders", 1, 0);
        fixture_module(&f, 0x7f0000000000, 0x7f0000100000, "/opt/shop/lib/libshop.so.1", 1, 0);
        return f;
}

/* The report of these bytes, as of a file. */
static int report_of(const void *data, size_t len, struct report *ret, struct diag *d)
{
        static const struct report_options options = {0};
        _cleanup_fd_ int fd = memfd_create("recorder", MFD_CLOEXEC);
        char path[32];

        cr_assert_geq(fd, 0);
        cr_assert_eq(file_write_all(fd, data, len), 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return report_build(path, &options, ret, d);
}

Test(recorder, a_file_that_is_none_is_refused)
{
        struct fixture_recorder f = fixture_recorder(4, 4);
        struct recorder r;
        struct diag d;

        cr_expect_eq(recorder_open("", 0, &r, &d), -EINVAL);
        cr_expect_eq(recorder_open("ELF", 3, &r, &d), -EINVAL);
        cr_expect_eq(recorder_open(f.data, sizeof(struct recorder_header) - 1, &r, &d), -EINVAL);
        f.head->magic[0] = 0;
        cr_expect_eq(recorder_open(f.data, f.len, &r, &d), -EINVAL, "its process never began to record");
        f.head->magic[0] = 's';
        f.head->version++;
        cr_expect_eq(recorder_open(f.data, f.len, &r, &d), -ENOTSUP);
        free(f.data);
}

Test(recorder, entries_outside_of_the_bytes_are_none)
{
        struct fixture_recorder f = two_sites();
        struct recorder r;
        struct recorder_stack s;
        uint64_t key;

        f.head->section[RECORDER_LIVE_KEYS].offset = UINT64_MAX - 7;
        f.head->section[RECORDER_FRAMES].count = UINT64_MAX;
        f.head->section[RECORDER_MODULES].entry_size = 8;
        cr_assert_eq(recorder_open(f.data, f.len, &r, NULL), 0);
        cr_expect(r.cut);
        cr_expect_not(recorder_get(&r, RECORDER_LIVE_KEYS, 0, &key, sizeof(key)));
        cr_expect_eq(r.tables[RECORDER_MODULES].count, 0, "entries too short to hold a module");
        cr_assert(recorder_get_stack(&r, 1, &s));
        cr_expect_eq(recorder_frame(&r, &s, 0), at_a[0]);
        s.first_frame = UINT32_MAX;
        cr_expect_eq(recorder_frame(&r, &s, 0), 0);
        cr_expect_null(recorder_text(&r, 1000, 25));
        cr_expect_null(recorder_text(&r, UINT32_MAX, UINT32_MAX));
        cr_expect_not_null(recorder_text(&r, 1000, 24));
        free(f.data);
}

Test(recorder, an_entry_that_is_being_written_does_not_count)
{
        struct fixture_recorder f = two_sites();
        struct pool pool = {0};
        struct recorder_sites sites;
        struct recorder_note note;
        struct recorder r;

        *(uint64_t *)fixture_entry(&f, RECORDER_LIVE_KEYS, 0) = RECORDER_KEY_BUSY;
        *(uint64_t *)fixture_entry(&f, RECORDER_LIVE_KEYS, 1) = RECORDER_KEY_FREE;
        fixture_note(&f, "cache is full");
        ((struct recorder_note *)fixture_entry(&f, RECORDER_NOTES, 0))->sequence = 3;
        cr_assert_eq(recorder_open(f.data, f.len, &r, NULL), 0);
        cr_assert_eq(recorder_sites(&r, 10, &pool, &sites), 0);
        cr_expect_eq(sites.busy, 1);
        cr_expect_eq(sites.list[0].samples, 98);
        cr_expect_not(recorder_get_stable(&r, RECORDER_NOTES, 0, &note, sizeof(note)));
        pool_free(&pool);
        free(f.data);
}

Test(recorder, sums_and_errors_are_those_of_poisson_sampling)
{
        struct fixture_recorder f = two_sites();
        struct pool pool = {0};
        struct recorder_sites sites;
        struct recorder r;

        cr_assert_eq(recorder_open(f.data, f.len, &r, NULL), 0);
        cr_assert_eq(recorder_sites(&r, 5, &pool, &sites), 0);
        cr_assert_eq(sites.n, 2, "stack 0 never allocated anything");
        cr_expect_float_eq(sites.list[0].live_bytes, 100.0 * 1024 * 513, 1);
        cr_expect_float_eq(sites.list[0].live_objects, 51300, 0.1);
        cr_expect_float_eq(sites.list[0].variance, 100.0 * 1024 * 1024 * 513 * 512, 1e3);
        cr_expect_float_eq(recorder_error(sites.list[0].variance), 1.96 * 1024 * 10 * sqrt(513 * 512.0), 1);
        cr_expect_float_eq(sites.list[0].recent_bytes, 50.0 * 1024 * 513, 1, "those of the last 5 s");
        cr_expect_float_eq(sites.list[1].live_bytes, 3.0 * 1024 * 513, 1);
        pool_free(&pool);
        free(f.data);
}

Test(recorder, with_every_allocation_recorded_the_figures_are_exact)
{
        struct fixture_recorder f = fixture_recorder(16, 4);
        uint32_t a = fixture_stack(&f, at_a, 3);
        struct report report;
        struct diag d;

        f.head->mean = f.head->mean_asked = 1;
        for (int i = 0; i < 10; i++)
                fixture_block(&f, a, 100 + (uint64_t)i, 1, 1);
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_expect_eq(report.heap.sample_bytes, 1);
        cr_expect_eq(report.heap.live_bytes, 1045);
        cr_expect_eq(report.heap.live_error, 0);
        cr_expect_eq(report.heap.live_objects, 10);
        report_done(&report);
        free(f.data);
}

Test(recorder, alone_it_makes_a_report)
{
        struct fixture_recorder f = two_sites();
        struct report report;
        struct diag d;

        fixture_sample(&f, 0, 2, 50 * MIB);
        fixture_sample(&f, 0, 1, 60 * MIB);
        fixture_sample(&f, 1, 9, 10 * MIB);
        for (int i = 0; i < 6; i++)
                fixture_note(&f, i == 5 ? "the last" : "an older one");
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_expect_str_eq(report.trigger.guarantee, "recorder");
        cr_expect_str_eq(report.process.comm, "orders");
        cr_expect_eq(report.process.pid, 4711);
        cr_expect_str_eq(report.process.state, "killed");
        cr_expect_eq(report.time_ns, FIXTURE_REAL_NS + 10 * NS_PER_S);
        cr_assert_eq(report.heap.n_sites, 2);
        cr_expect_eq(report.heap.sites[0].n_frames, 3);
        cr_expect_eq(report.heap.sites[0].frames[0].module_offset, 0x1100);
        cr_expect_str_eq(report.heap.sites[0].frames[0].build_id, "abcdef01");
        cr_expect_str_eq(report.heap.sites[0].frames[2].module, "/opt/shop/lib/libshop.so.1");
        cr_expect_eq(report.heap.n_places, 2);
        cr_assert_eq(report.n_history, 3);
        cr_expect_eq(report.history[0].rss, 10 * MIB, "all levels, by time");
        cr_expect_eq(report.history[2].rss, 60 * MIB);
        cr_expect_eq(report.memory.rss, 60 * MIB, "the last sample");
        cr_assert_eq(report.n_notes, 4, "the ring holds four");
        cr_expect_str_eq(report.notes[3].text, "the last");
        report_done(&report);
        free(f.data);
}

Test(recorder, a_size_from_before_the_growth_is_not_taken_for_the_last_one)
{
        struct fixture_recorder f = two_sites();
        struct report report;
        struct diag d;

        fixture_sample(&f, 0, 1, 4096);
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_expect_eq(report.memory.rss, REPORT_UNKNOWN, "the live heap alone is 50 MiB");
        report_done(&report);
        free(f.data);
}

Test(recorder, a_site_that_held_more_before_does_not_grow)
{
        struct fixture_recorder f = two_sites();
        struct report report;
        struct diag d;

        fixture_stack_entry(&f, 1)->last_growth_ns = FIXTURE_BEGAN_NS - 1;
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_expect_eq(report.heap.sites[0].growth_bytes, 0);
        cr_expect_gt(report.heap.sites[1].growth_bytes, 0);
        report_done(&report);
        free(f.data);
}

Test(recorder, an_address_means_the_module_that_was_there_then)
{
        struct fixture_recorder f = fixture_recorder(16, 4);
        const uint64_t plugin[] = {0x7f1000000500};
        uint32_t before = fixture_stack(&f, plugin, 1), after = fixture_stack(&f, plugin, 1),
                 between = fixture_stack(&f, plugin, 1);
        struct report report;
        struct diag d;

        fixture_module(&f, 0x7f1000000000, 0x7f1000001000, "/opt/first.so", 1, 2);
        fixture_module(&f, 0x7f1000000400, 0x7f1000001000, "/opt/second.so", 3, 0);
        fixture_stack_entry(&f, after)->generation = 3;
        fixture_stack_entry(&f, between)->generation = 2;
        fixture_block(&f, before, 3000, 1, 1);
        fixture_block(&f, after, 2000, 1, 1);
        fixture_block(&f, between, 1000, 1, 1);
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_assert_eq(report.heap.n_sites, 3);
        cr_expect_str_eq(report.heap.sites[0].frames[0].module, "/opt/first.so");
        cr_expect_eq(report.heap.sites[0].frames[0].module_offset, 0x500);
        cr_expect_str_eq(report.heap.sites[1].frames[0].module, "/opt/second.so");
        cr_expect_eq(report.heap.sites[1].frames[0].module_offset, 0x100);
        cr_expect_null(report.heap.sites[2].frames[0].module, "none was loaded");
        report_done(&report);
        free(f.data);
}

Test(recorder, what_it_does_not_show_is_said)
{
        struct fixture_recorder f = two_sites();
        struct report report;
        struct diag d;

        f.head->flags = RECORDER_HEAP_UNSEEN | RECORDER_DEGRADED | RECORDER_LIVE_FULL;
        f.head->mean *= 4;
        fixture_block(&f, 1, UINT64_MAX, 1, 1);
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_assert_eq(report.heap.n_remarks, 4);
        cr_expect_not_null(strstr(report.heap.remarks[0], "was not seen"));
        cr_expect_not_null(strstr(report.heap.remarks[1], "every 2.00 MiB"), "%s", report.heap.remarks[1]);
        cr_expect_not_null(strstr(report.heap.remarks[3], "1 entries"), "%s", report.heap.remarks[3]);
        report_done(&report);
        free(f.data);
}

Test(recorder, the_stacks_that_threads_took_themselves_are_theirs)
{
        struct fixture_recorder f = two_sites();
        const uint64_t waiting[] = {0x401300, 0x401400};
        uint32_t stack = fixture_stack(&f, waiting, 2);
        struct report report;
        struct diag d;

        fixture_stack_entry(&f, stack)->kind = RECORDER_STACK_THREAD;
        for (unsigned i = 0; i < 3; i++)
                *(struct recorder_thread *)fixture_entry(&f, RECORDER_THREADS, i) =
                        (struct recorder_thread){.sequence = 4,
                                                 .tid = 4711 + i,
                                                 .stack = i < 2 ? stack : RECORDER_NO_STACK,
                                                 .name = "worker",
                                                 .dump = i == 1 ? 1 : 2};
        cr_assert_eq(report_of(f.data, f.len, &report, &d), 0, "%s", d.text);
        cr_assert_eq(report.n_threads, 2, "the second was in an older dump only");
        cr_expect_eq(report.n_threads_captured, 1);
        cr_expect_str_eq(report.threads[0].captured, "agent");
        cr_expect_str_eq(report.threads[0].comm, "worker");
        cr_expect_eq(report.threads[0].n_frames, 2);
        cr_expect_str_eq(report.threads[1].captured, "none");
        cr_expect_eq(report.heap.n_sites, 2, "a thread's stack is no site");
        report_done(&report);
        free(f.data);
}

/* Every byte of the head and of the tables changed, one after the other, and every length: nothing crashes. */
Test(recorder, damaged_anywhere_it_does_no_harm)
{
        static const struct render_style style = {.width = 80};
        struct fixture_recorder f = fixture_recorder(8, 2);
        uint32_t a = fixture_stack(&f, at_a, 3);

        fixture_block(&f, a, 1000, 3, 1);
        fixture_module(&f, 0x400000, 0x500000, "/bin/x", 1, 0);
        fixture_sample(&f, 0, 1, 4096);
        fixture_note(&f, "\x1b[2J");
        for (size_t i = 8; i < f.len; i += i < sizeof(struct recorder_header) ? 3 : 41) {
                _cleanup_buf_ struct buf out = BUF_GROWING(8 << 20);
                unsigned char was = f.data[i];
                struct report report;
                struct diag d;

                f.data[i] = (unsigned char)(0xff - was);
                if (report_of(f.data, i % 2 ? f.len : i, &report, &d) == 0) {
                        render_text(&report, &style, &out);
                        buf_reset(&out);
                        render_json(&report, &style, &out);
                        report_done(&report);
                }
                f.data[i] = was;
        }
        free(f.data);
}

/* The claim is 50 ms; here only that it is no matter of seconds, on any machine. */
Test(recorder, twenty_thousand_live_samples_are_read_at_once)
{
        struct fixture_recorder f = fixture_recorder(65536, 1000);
        struct pool pool = {0};
        struct recorder_sites sites;
        uint64_t begin, total = 0;
        struct recorder r;

        for (uint64_t i = 0; i < 1000; i++)
                fixture_stack(&f, (uint64_t[]){0x400000 + i, 0x500000, 0x600000}, 3);
        for (uint32_t i = 0; i < 20000; i++)
                fixture_block(&f, 1 + i % 1000, 4096, 128, 1);
        cr_assert_eq(recorder_open(f.data, f.len, &r, NULL), 0);
        begin = clock_monotonic_ns();
        cr_assert_eq(recorder_sites(&r, 10, &pool, &sites), 0);
        fprintf(stderr, "20,000 live samples of 1,000 stacks: %.2f ms\n",
                (double)(clock_monotonic_ns() - begin) / 1e6);
        for (size_t i = 0; i < sites.n; i++)
                total += sites.list[i].samples;
        cr_expect_eq(total, 20000);
        pool_free(&pool);
        free(f.data);
}
