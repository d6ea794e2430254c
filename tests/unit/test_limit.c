/* SPDX-License-Identifier: MIT */
/* Limits of memory groups, in a directory that looks like a v1 hierarchy. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trigger/limit.h"

#define MIB (UINT64_C(1) << 20)

static char root[] = "/tmp/swansong-limit.XXXXXX";
static char group[64];
static const char *const files[] = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                    "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes"};

static void put(const char *file, uint64_t bytes)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", group, file);
        f = fopen(path, "w");
        cr_assert_not_null(f);
        fprintf(f, "%llu\n", (unsigned long long)bytes);
        fclose(f);
}

static void set_up(void)
{
        cr_assert_not_null(mkdtemp(root));
        snprintf(group, sizeof(group), "%s/a", root);
        cr_assert_eq(mkdir(group, 0700), 0);
        put("memory.limit_in_bytes", 100 * MIB);
        put("memory.usage_in_bytes", 40 * MIB);
        put("memory.memsw.limit_in_bytes", 100 * MIB);
        put("memory.memsw.usage_in_bytes", 95 * MIB);
}

static void tear_down(void)
{
        char path[128];

        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                snprintf(path, sizeof(path), "%s/%s", group, files[i]);
                unlink(path);
        }
        rmdir(group);
        rmdir(root);
}

static struct limit_reader read_all(bool has_swap, struct memory_limit *ret_tightest,
                                    struct memory_limit *ret_nearest, uint64_t *ret_used)
{
        struct limit_reader l;

        limit_reader_make(strdup(group), strlen(root), 1, has_swap, &l);
        limit_read(&l, 1024 * MIB, ret_tightest);
        limit_describe(&l, limit_nearest(&l, ret_used), 1024 * MIB, ret_nearest);
        return l;
}

/* Most of it has been swapped out: the kernel will kill for the limit of both, at 45 MiB of memory. */
Test(limit, of_memory_and_swap_together_may_be_the_nearest, .init = set_up, .fini = tear_down)
{
        struct memory_limit tightest, nearest;
        uint64_t used = 0;
        struct limit_reader l = read_all(true, &tightest, &nearest, &used);

        cr_expect_eq(used, 95 * MIB);
        cr_expect_eq(nearest.bytes, 100 * MIB);
        cr_expect_str_eq(nearest.source, "memory group /a, with swap");
        cr_expect_str_eq(tightest.source, "memory group /a");
        limit_reader_close(&l);
}

Test(limit, of_memory_and_swap_is_none_where_there_is_no_swap, .init = set_up, .fini = tear_down)
{
        struct memory_limit tightest, nearest;
        uint64_t used = 0;
        struct limit_reader l = read_all(false, &tightest, &nearest, &used);

        cr_expect_eq(used, 40 * MIB);
        cr_expect_str_eq(nearest.source, "memory group /a");
        limit_reader_close(&l);
}

Test(limit, of_memory_alone_comes_first_of_two_that_are_equally_near, .init = set_up, .fini = tear_down)
{
        struct memory_limit tightest, nearest;
        uint64_t used = 0;
        struct limit_reader l;

        put("memory.memsw.usage_in_bytes", 40 * MIB);
        l = read_all(true, &tightest, &nearest, &used);
        cr_expect_str_eq(nearest.source, "memory group /a");
        limit_reader_close(&l);
}

/* Kernels started with swapaccount=0. */
Test(limit, a_missing_file_limits_nothing, .init = set_up, .fini = tear_down)
{
        struct memory_limit tightest, nearest;
        uint64_t used = 0;
        struct limit_reader l;
        char path[128];

        snprintf(path, sizeof(path), "%s/memory.memsw.limit_in_bytes", group);
        unlink(path);
        l = read_all(true, &tightest, &nearest, &used);
        cr_expect_eq(l.error, 0);
        cr_expect_str_eq(nearest.source, "memory group /a");
        limit_reader_close(&l);
}
