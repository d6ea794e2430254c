/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "analysis/maps.h"
#include "analysis/where.h"
#include "base/cleanup.h"

#define KIB UINT64_C(1024)

/* A report with the mappings of an smaps text; 5 threads with the given SPs. */
static struct report account(const char *smaps, const uint64_t *sps, size_t n_sps)
{
        struct thread_row threads[8] = {0};
        struct report r = {.memory = {.rss = REPORT_UNKNOWN}};
        struct smaps_total total;
        struct maps maps;
        uint64_t sum = 0;

        cr_assert_eq(smaps_parse(smaps, strlen(smaps), &r.pool, &maps, &total), 0);
        r.maps = maps.list;
        r.n_maps = maps.n;
        r.memory.rss = total.rss;
        for (size_t i = 0; i < n_sps; i++)
                threads[i].sp = sps[i];
        cr_assert_eq(where_account(&r, threads, n_sps), 0);
        cr_assert_geq(r.memory.n_where, 1);
        for (size_t i = 0; i < r.memory.n_where; i++)
                sum += r.memory.where[i].bytes;
        cr_expect_eq(sum, r.memory.rss, "the rows add up to RSS");
        cr_expect_str_eq(r.memory.where[r.memory.n_where - 1].what, "unexplained");
        return r;
}

static uint64_t row(const struct report *r, const char *what)
{
        for (size_t i = 0; i < r->memory.n_where; i++)
                if (strcmp(r->memory.where[i].what, what) == 0)
                        return r->memory.where[i].bytes;
        return 0;
}

Test(where, every_kind_of_mapping_has_its_row)
{
        static const struct {
                const char *smaps, *what, *why;
        } cases[] = {
                {"55d0c9a00000-55d0c9c21000 rw-p 0 00:00 0   [heap]\n", "heap (brk)", "brk"},
                {"7f0000000000-7f0000100000 rw-p 0 00:00 0\n", "anonymous mappings", "mmap"},
                {"7f0000000000-7f0000100000 rwxp 0 00:00 0\n", "generated code (executable anonymous memory)",
                 "a JIT"},
                {"7ffc11200000-7ffc11221000 rw-p 0 00:00 0   [stack]\n", "thread stacks",
                 "the main thread's"},
                {"7f0000000000-7f0000100000 rw-p 0 00:00 0   [stack:4712]\n", "thread stacks",
                 "before Linux 4.5"},
                {"7f0000000000-7f0000100000 rw-p 0 00:00 0   [anon: glibc: pthread stack: 4712]\n",
                 "thread stacks", "glibc names them since 2.39, on demand"},
                {"7f0000000000-7f0000100000 rw-p 0 00:00 0   [anon:v8]\n", "[anon:v8]",
                 "named by the program"},
                {"7f0000000000-7f0000100000 rw-p 0 00:00 0   [anon: Go: heap]\n", "Go heap",
                 "named since Go 1.25"},
                {"7f0000000000-7f0000100000 r-xp 0 08:01 7   /usr/lib/libc.so.6\n",
                 "executables and libraries", "code"},
                {"7f0000000000-7f0000100000 r--s 0 08:01 7   /var/lib/db.mdb\n", "mapped data files", "data"},
                {"7f0000000000-7f0000100000 rw-s 0 00:01 7   /memfd:wl_shm (deleted)\n", "shared memory",
                 "memfd"},
                {"7f0000000000-7f0000100000 rw-s 0 00:01 7   /dev/zero (deleted)\n", "shared memory",
                 "MAP_SHARED|MAP_ANONYMOUS"},
                {"7f0000000000-7f0000100000 rw-s 0 00:01 7   /SYSV00000000 (deleted)\n", "shared memory",
                 "shmget"},
                {"7f0000000000-7f0000100000 rw-s 0 00:19 7   /dev/shm/x\n", "shared memory", "shm_open"},
                {"7f0000000000-7f0000100000 rw-s 0 00:19 7   [anon_shmem:x]\n", "shared memory", "named"},
                {"7ffc112a0000-7ffc112a2000 r-xp 0 00:00 0   [vdso]\n", "special mappings", "the kernel's"},
                {"7f0000000000-7f0000100000 rw-s 0 00:0d 7   anon_inode:[perf_event]\n", "special mappings",
                 "no file"},
                {"7f0000000000-7f0000100000 rw-s 0 00:0d 7   /[aio] (deleted)\n", "special mappings",
                 "no file"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[256];
                struct report r;

                snprintf(text, sizeof(text), "%sRss: 100 kB\n", cases[i].smaps);
                r = account(text, NULL, 0);
                cr_expect_eq(row(&r, cases[i].what), 100 * KIB, "%s: %s", cases[i].smaps, cases[i].why);
                cr_expect_eq(row(&r, "unexplained"), 0);
                pool_free(&r.pool);
        }
}

Test(where, a_librarys_data_is_the_librarys_and_its_copies_are_private)
{
        struct report r =
                account("7f0000000000-7f0000010000 r--p 0 08:01 7 /l.so\nRss: 10 kB\nAnonymous: 0 kB\n"
                        "7f0000010000-7f0000020000 r-xp 0 08:01 7 /l.so\nRss: 20 kB\nAnonymous: 0 kB\n"
                        "7f0000020000-7f0000030000 rw-p 0 08:01 7 /l.so\nRss: 8 kB\nAnonymous: 6 kB\n"
                        "7f0000040000-7f0000050000 r--p 0 08:01 8 /data\nRss: 4 kB\nAnonymous: 0 kB\n",
                        NULL, 0);

        cr_expect_eq(row(&r, "executables and libraries"), 32 * KIB);
        cr_expect_eq(row(&r, "private copies of file pages"), 6 * KIB);
        cr_expect_eq(row(&r, "mapped data files"), 4 * KIB);
        pool_free(&r.pool);
}

Test(where, arenas_are_64_MiB_and_aligned_to_it)
{
        struct report r = account("7f0c60000000-7f0c60021000 rw-p 0 00:00 0\nRss: 1 kB\n"
                                  "7f0c60021000-7f0c64000000 ---p 0 00:00 0\nRss: 0 kB\n"
                                  /* The one before it is used up and has no rest. */
                                  "7f0c64000000-7f0c68000000 rw-p 0 00:00 0\nRss: 2 kB\n"
                                  "7f0c70000000-7f0c70021000 rw-p 0 00:00 0\nRss: 4 kB\n",
                                  NULL, 0);

        cr_expect_eq(row(&r, "malloc arenas of other threads"), 3 * KIB);
        cr_expect_eq(row(&r, "anonymous mappings"), 4 * KIB, "aligned, but nothing is reserved behind it");
        pool_free(&r.pool);
}

Test(where, a_stack_has_a_guard_page_and_a_stack_pointer)
{
        static const uint64_t sps[] = {0x7f0000800ff0, 0x7f0001800ff0, 0xc000100000};
        static const char text[] = "c000000000-c000400000 rw-p 0 00:00 0\nRss: 100 kB\n"
                                   "c000400000-c004000000 ---p 0 00:00 0\nRss: 0 kB\n"
                                   "7f0000000000-7f0000001000 ---p 0 00:00 0\nRss: 0 kB\n"
                                   "7f0000001000-7f0000801000 rw-p 0 00:00 0\nRss: 1 kB\n"
                                   "7f0001001000-7f0001801000 rw-p 0 00:00 0\nRss: 2 kB\n"
                                   "7f0002000000-7f0002001000 ---p 0 00:00 0\nRss: 0 kB\n"
                                   "7f0002001000-7f0002801000 rw-p 0 00:00 0\nRss: 4 kB\n";
        struct report r = account(text, sps, 3);

        cr_expect_eq(row(&r, "thread stacks"), 1 * KIB);
        cr_expect_eq(row(&r, "anonymous mappings"), 6 * KIB, "one has no guard page, one no thread");
        cr_expect_eq(row(&r, "Go heap"), 100 * KIB, "a goroutine's stack is part of the heap");
        pool_free(&r.pool);
        r = account(text, NULL, 0);
        cr_expect_eq(row(&r, "thread stacks"), 0, "without threads.tsv nothing tells");
        pool_free(&r.pool);
}

Test(where, too_many_names_end_among_the_anonymous)
{
        char text[8192];
        size_t n = 0;
        struct report r;

        for (unsigned i = 1; i <= 50; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n,
                                      "%x000-%x000 rw-p 0 00:00 0 [anon:%u]\nRss: 4 kB\n", i, i + 1, i);
        r = account(text, NULL, 0);
        cr_expect_lt(r.memory.n_where, 50);
        cr_expect_gt(row(&r, "anonymous mappings"), 0);
        pool_free(&r.pool);
}

Test(where, what_smaps_does_not_explain_is_said)
{
        struct report r = {.memory = {.rss = 100, .anon = 60, .file = 30, .shmem = 0, .source = "status"}};

        cr_assert_eq(where_account(&r, NULL, 0), 0);
        cr_expect_eq(row(&r, "anonymous memory"), 60);
        cr_expect_eq(row(&r, "unexplained"), 10);

        r.memory.file = 90;
        cr_assert_eq(where_account(&r, NULL, 0), 0);
        cr_assert_eq(r.memory.n_where, 1, "rows that fit no total are left out");
        cr_expect_eq(row(&r, "unexplained"), 100);

        r.memory.rss = REPORT_UNKNOWN;
        cr_assert_eq(where_account(&r, NULL, 0), 0);
        cr_expect_eq(r.memory.n_where, 0, "of an unknown amount there are no parts");
        pool_free(&r.pool);
}
