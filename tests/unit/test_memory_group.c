/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/memory_group.h"

#define V1_MOUNTS                                                                                            \
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                                \
        "34 31 0:31 / /sys/fs/cgroup/cpu,memoryless rw - cgroup cgroup rw,cpu\n"                             \
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"                \
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

#define V2_MOUNTS                                                                                            \
        "23 28 0:21 / /proc rw - proc proc rw\n"                                                             \
        "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

Test(memory_group, joins_the_two_texts)
{
        static const struct {
                const char *why, *cgroup, *mounts;
                int version, r;
                const char *mount, *path;
        } cases[] = {
                {"v1", "4:memory:/a/b\n", V1_MOUNTS, 1, 0, "/sys/fs/cgroup/memory", "/a/b"},
                {"hybrid: memory is in v1", "0::/x\n4:cpuset,memory:/a\n", V1_MOUNTS, 1, 0,
                 "/sys/fs/cgroup/memory", "/a"},
                {"v2", "0::/user.slice/app.scope\n", V2_MOUNTS, 2, 0, "/sys/fs/cgroup",
                 "/user.slice/app.scope"},
                {"the root group", "0::/\n", V2_MOUNTS, 2, 0, "/sys/fs/cgroup", "/"},
                {"only a part is mounted", "0::/docker/7c1f/x\n",
                 "29 23 0:26 /docker/7c1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", 2, 0, "/sys/fs/cgroup",
                 "/x"},
                {"exactly the part that is mounted", "0::/docker/7c1f\n",
                 "29 23 0:26 /docker/7c1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", 2, 0, "/sys/fs/cgroup",
                 "/"},
                {"a sibling with the same beginning", "0::/docker/7c1f99\n",
                 "29 23 0:26 /docker/7c1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", 2, -ENOENT, NULL, NULL},
                {"a mount point with a blank", "0::/a\n", "29 23 0:26 / /my\\040groups rw - cgroup2 c rw\n",
                 2, 0, "/my groups", "/a"},
                {"a group named with a colon", "0::/a:b\n", V2_MOUNTS, 2, 0, "/sys/fs/cgroup", "/a:b"},
                {"a controller that only begins with memory", "4:memoryx:/a\n", V1_MOUNTS, 1, -ENOENT, NULL,
                 NULL},
                {"outside our cgroup namespace", "0::/../other\n", V2_MOUNTS, 2, -ENOENT, NULL, NULL},
                {"outside our cgroup namespace, mounted from above it", "0::/../other/x\n",
                 "29 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n", 2, 0, "/sys/fs/cgroup", "/other/x"},
                {"a group named with dots", "0::/..a\n", V2_MOUNTS, 2, 0, "/sys/fs/cgroup", "/..a"},
                {"v1 group, nothing of v1 mounted", "4:memory:/a\n", V2_MOUNTS, 1, -ENOENT, NULL, NULL},
                {"nothing", "", "", 0, -ENOENT, NULL, NULL},
                {"cut lines", "4:mem", "35 31 0:32 / /sys", 0, -ENOENT, NULL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct memory_group g;
                int r = memory_group_parse(cases[i].cgroup, cases[i].mounts, &g);

                cr_assert_eq(r, cases[i].r, "%s: %d", cases[i].why, r);
                if (r < 0)
                        continue;
                cr_expect_eq(g.version, cases[i].version, "%s", cases[i].why);
                cr_expect_str_eq(g.mount, cases[i].mount, "%s", cases[i].why);
                cr_expect_str_eq(g.path, cases[i].path, "%s", cases[i].why);
        }
}

Test(memory_group, goes_up_to_the_top)
{
        struct memory_group g;

        cr_assert_eq(memory_group_parse("0::/a/b\n", V2_MOUNTS, &g), 0);
        cr_assert(memory_group_up(&g));
        cr_expect_str_eq(g.path, "/a");
        cr_assert(memory_group_up(&g));
        cr_expect_str_eq(g.path, "/");
        cr_expect_str_eq(g.kernel, "/");
        cr_expect(!memory_group_up(&g));
}

Test(memory_group, knows_both_ways_to_say_no_limit)
{
        cr_expect_eq(memory_group_limit_parse("max\n"), MEMORY_GROUP_UNLIMITED);
        cr_expect_eq(memory_group_limit_parse("9223372036854771712\n"), MEMORY_GROUP_UNLIMITED);
        cr_expect_eq(memory_group_limit_parse("524288000\n"), 524288000);
        cr_expect_eq(memory_group_limit_parse(""), MEMORY_GROUP_UNLIMITED);
}
