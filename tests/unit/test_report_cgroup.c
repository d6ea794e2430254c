/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/cgroup.h"
#include "analysis/key_value.h"
#include "analysis/machine/machine.h"
#include "analysis/machine/slabs.h"
#include "base/cleanup.h"

Test(report_cgroup, finds_the_memory_group)
{
        static const struct {
                const char *text;
                int version;
                const char *path, *why;
        } cases[] = {
                {"0::/user.slice/app.scope\n", 2, "/user.slice/app.scope", "v2 alone"},
                {"9:name=systemd:/\n4:memory:/docker/7c1f\n0::/\n", 1, "/docker/7c1f",
                 "hybrid: memory is v1's"},
                {"0::/a\n4:cpu,memory:/b\n", 1, "/b", "a list, and v2 first"},
                {"4:memory:/a:b\n", 1, "/a:b", "a name with a colon"},
                {"4:memory:/\n", 1, "/", "the root"},
                {"0::/../x\n", 2, "/../x", "above the watcher's namespace"},
                {"4:memoryx:/a\n4:xmemory:/b\n1:cpu:/c\n", 0, NULL, "not memory"},
                {"0::\n0:x\n::\n", 0, NULL, "no path"},
                {"", 0, NULL, "empty"},
        };
        struct pool pool = {0};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *path = NULL;
                int version = 0,
                    r = cgroup_name_parse(cases[i].text, strlen(cases[i].text), &pool, &version, &path);

                cr_expect_eq(r, cases[i].version ? 0 : -ENOENT, "%s", cases[i].why);
                cr_expect_eq(version, cases[i].version, "%s", cases[i].why);
                if (cases[i].path)
                        cr_expect_str_eq(path, cases[i].path, "%s", cases[i].why);
        }
        pool_free(&pool);
}

Test(machine, reads_pressure)
{
        static const char text[] =
                "some avg10=12.34 avg60=1.00 avg300=0.50 total=123\nfull avg10=0.05 avg60=0.00\n";
        struct pressure p;

        pressure_parse(text, strlen(text), &p);
        cr_expect_float_eq(p.some, 12.34, 1e-9);
        cr_expect_float_eq(p.full, 0.05, 1e-9);
        pressure_parse("some avg10=x\nfull avg10=101.00\n", 31, &p);
        cr_expect(isnan(p.some));
        cr_expect(isnan(p.full), "no percentage");
}

Test(slabs, are_sorted_by_what_they_hold)
{
        static const char text[] = "slabinfo - version: 2.1\n"
                                   "# name            <active_objs> <num_objs> <objsize> <objperslab> "
                                   "<pagesperslab> : tunables <limit>\n"
                                   "inode_cache         100    104    608   13    2 : tunables    0    0    "
                                   "0 : slabdata      8      8      0\n"
                                   "dentry            104202 104202    192   21    1 : tunables    0    0    "
                                   "0 : slabdata   4962   4962      0\n"
                                   "empty                  0      0     64   64    1 : tunables    0    0    "
                                   "0 : slabdata      0      0      0\n"
                                   "cut                    1      1     64   64\n";
        const struct report_slab *slabs;
        struct pool pool = {0};
        size_t n;

        cr_assert_eq(slabs_parse(text, strlen(text), 4096, &pool, &slabs, &n), 0);
        cr_assert_eq(n, 2);
        cr_expect_str_eq(slabs[0].name, "dentry");
        cr_expect_eq(slabs[0].bytes, 4962 * 4096);
        cr_expect_eq(slabs[0].objects, 104202);
        cr_expect_eq(slabs[1].bytes, 8 * 2 * 4096, "slabs have two pages here");
        cr_assert_eq(slabs_parse(text, strlen(text), REPORT_UNKNOWN, &pool, &slabs, &n), 0);
        cr_expect_eq(slabs[0].bytes, 104202 * 192, "without the page size: its objects");
        pool_free(&pool);
}
