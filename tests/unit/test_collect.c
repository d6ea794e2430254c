/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/collect.h"
#include "capture/collectors.h"

Test(collect, a_group_keeps_the_kernels_name_in_the_bundle)
{
        static const struct {
                int version;
                const char *kernel, *path;
        } cases[] = {
                {2, "/", "sys/fs/cgroup"},
                {2, "/user.slice/app.scope", "sys/fs/cgroup/user.slice/app.scope"},
                {1, "/docker/7c1f", "sys/fs/cgroup/memory/docker/7c1f"},
                {2, "/../sibling", "sys/fs/cgroup/@parent/sibling"},
                {2, "/a/../../../etc", "sys/fs/cgroup/a/@parent/@parent/@parent/etc"},
                {1, "//a//b/", "sys/fs/cgroup/memory/a/b"},
                {2, "/..a/b..", "sys/fs/cgroup/..a/b.."},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                static struct memory_group g;
                char path[PATH_MAX];

                g.version = cases[i].version;
                strcpy(g.kernel, cases[i].kernel);
                cgroup_bundle_path(&g, path);
                cr_expect_str_eq(path, cases[i].path);
        }
}

Test(collect, a_group_name_of_any_length_stays_within_the_path)
{
        static struct memory_group g = {.version = 1};
        char path[PATH_MAX];

        for (size_t i = 0; i + 2 < sizeof(g.kernel); i += 2)
                memcpy(g.kernel + i, "/a", 2);
        cgroup_bundle_path(&g, path);
        cr_expect_lt(strlen(path), sizeof(path));
}

Test(collect, only_knows_the_groups_of_the_table)
{
        struct diag d;

        cr_expect_eq(capture_only_check("stacks", &d), 0);
        cr_expect_eq(capture_only_check("sockets,fds,machine,tree,cgroup,process,threads", &d), 0);
        cr_expect_eq(capture_only_check("stack", &d), -EINVAL);
        cr_expect_eq(capture_only_check("", &d), -EINVAL);
        cr_expect_eq(capture_only_check("fds,,tree", &d), -EINVAL);
        cr_expect_eq(capture_only_check("fds,nonsense\n", &d), -EINVAL);
        cr_expect(strstr(d.text, "nonsense\\n"), "%s", d.text);
        cr_expect(strstr(d.text, "machine"), "names those that exist: %s", d.text);
        cr_expect(collect_wants(NULL, "fds"));
        cr_expect(collect_wants("tree,fds", "fds"));
        cr_expect_not(collect_wants("fdsx,xfds", "fds"));
}

Test(collect, every_row_has_a_bound_and_a_deadline)
{
        for (size_t i = 0; i < n_collectors; i++) {
                const struct collector *row = &collectors[i];

                cr_expect_gt(row->cap, 0u, "%s", row->name);
                cr_expect_gt(row->deadline_ns, 0u, "%s", row->name);
                cr_expect(row->scope != SCOPE_SPECIAL || row->make, "%s", row->name);
                /* What begins so lies at the top of the bundle. */
                cr_expect(row->name[0] != '/' || row->scope == SCOPE_SPECIAL, "%s", row->name);
        }
}

static bool holds(const glob_t *list, const char *path)
{
        for (size_t i = 0; i < list->gl_pathc; i++)
                if (strcmp(list->gl_pathv[i], path) == 0)
                        return true;
        return false;
}

/* Another swansong may make its own at the same time, and takes it away again. */
static bool stays(const char *path)
{
        for (unsigned i = 0; i < 6000 && access(path, F_OK) == 0; i++)
                usleep(10000);
        return access(path, F_OK) == 0;
}

Test(collect, the_dry_run_leaves_nothing_behind)
{
        glob_t before, after;

        if (access("/dev/shm", W_OK) < 0)
                cr_skip("there is no /dev/shm");
        glob("/dev/shm/swansong-dry-run.*", 0, NULL, &before);
        cr_expect_eq(capture_prepare(), 0);
        glob("/dev/shm/swansong-dry-run.*", 0, NULL, &after);
        for (size_t i = 0; i < after.gl_pathc; i++)
                cr_expect(holds(&before, after.gl_pathv[i]) || !stays(after.gl_pathv[i]), "%s",
                          after.gl_pathv[i]);
        cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
        globfree(&before);
        globfree(&after);
}
