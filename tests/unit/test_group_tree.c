/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/group_tree.h"

Test(group_tree, takes_the_pids_of_cgroup_procs)
{
        static const char text[] = "12\n7\n0\nx9\n12\n99999999999\n3";
        _cleanup_pid_list_ struct pid_list l = {0};

        cr_assert_eq(group_procs_parse(text, strlen(text), &l), 0);
        pid_list_sort(&l);
        cr_assert_eq(l.n, 3);
        cr_assert(l.items[0] == 3 && l.items[1] == 7 && l.items[2] == 12);
        cr_assert(pid_list_has(&l, 7) && !pid_list_has(&l, 8));
}

static void put(const char *dir, const char *below, const char *procs)
{
        char path[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s%s", dir, below);
        cr_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        snprintf(path, sizeof(path), "%s%s/cgroup.procs", dir, below);
        f = fopen(path, "w");
        fputs(procs, f);
        fclose(f);
}

Test(group_tree, takes_the_processes_of_groups_below_too)
{
        _cleanup_pid_list_ struct pid_list l = {0};
        char dir[] = "group-tree.XXXXXX", outside[300];

        cr_assert(mkdtemp(dir));
        put(dir, "", "30\n");
        put(dir, "/a", "20\n");
        put(dir, "/a/b c", "10\n30\n");
        snprintf(outside, sizeof(outside), "%s/a/link", dir);
        cr_assert_eq(symlink("/proc", outside), 0);
        cr_assert_eq(group_processes(dir, &l), 0);
        cr_assert_eq(l.n, 3);
        cr_assert(l.items[0] == 10 && l.items[1] == 20 && l.items[2] == 30);
        cr_assert_eq(dir_remove_tree(AT_FDCWD, dir), 0);
        cr_assert_eq(group_processes(dir, &l), -ENOENT);
}

Test(group_tree, says_which_group_is_not_there)
{
        static const struct {
                const char *name;
                int r;
        } cases[] = {
                {"/no/such/group", -ENOENT},
                {"no-such-unit.service", -ENOENT},
                {"", -EINVAL},
                {"a/b", -EINVAL},
                {"/a/../../etc", -EINVAL},
                {"..", -EINVAL},
        };
        struct memory_group g;
        struct diag d = {0};

        if (group_root(&g, &d) < 0)
                cr_skip_test("no memory controller is mounted");
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                d.text[0] = '\0';
                cr_assert_eq(group_find(cases[i].name, &g, &d), cases[i].r, "%s", cases[i].name);
                cr_assert(d.text[0], "%s", cases[i].name);
        }
        cr_assert_eq(group_find("/", &g, &d), 0);
        cr_assert_str_eq(g.path, "/");
}
