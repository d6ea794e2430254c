/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/recorder/recorder_dir.h"

Test(recorder_dir, names_read_back)
{
        char name[RECORDER_NAME_SPACE];
        uint64_t ticks;
        pid_t pid;

        cr_assert_str_eq(recorder_name_format(4711, 987654, name), "swansong.4711.987654.rec");
        cr_assert_eq(recorder_name_parse(name, &pid, &ticks), 0);
        cr_assert(pid == 4711 && ticks == 987654);
}

Test(recorder_dir, other_names_are_refused)
{
        static const char *const others[] = {"",
                                             "swansong.",
                                             "swansong.1.rec",
                                             "swansong.0.1.rec",
                                             "swansong.-1.1.rec",
                                             "swansong.1.2.rec.part",
                                             "swansong.99999999999.1.rec",
                                             "xswansong.1.2.rec"};
        uint64_t ticks;
        pid_t pid;

        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                cr_assert_eq(recorder_name_parse(others[i], &pid, &ticks), -EINVAL, "%s", others[i]);
}

Test(recorder_dir, a_user_has_two_places)
{
        char path[PATH_MAX];

        cr_assert_eq(recorder_dir_path(0, 1000, "/run/user/1000", path), 0);
        cr_assert_str_eq(path, "/run/user/1000/swansong");
        cr_assert_eq(recorder_dir_path(0, 1000, NULL, path), -ENOENT);
        cr_assert_eq(recorder_dir_path(0, 1000, "relative", path), -ENOENT);
        cr_assert_eq(recorder_dir_path(1, 1000, NULL, path), 0);
        cr_assert_str_eq(path, "/dev/shm/swansong-1000");
        cr_assert_eq(recorder_dir_path(2, 1000, NULL, path), -ENOENT);
}

Test(recorder_dir, only_a_private_directory_of_the_right_owner_will_do)
{
        char dir[] = "/tmp/swansong-unit.XXXXXX", path[128], link[128];
        int fd;

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/d", dir);
        snprintf(link, sizeof(link), "%s/l", dir);
        cr_assert_eq(recorder_dir_open(path, geteuid(), false), -ENOENT);
        fd = recorder_dir_open(path, geteuid(), true);
        cr_assert_geq(fd, 0);
        close(fd);
        cr_assert_eq(recorder_dir_open(path, geteuid() + 1, false), -EPERM);
        cr_assert_eq(symlink(path, link), 0);
        cr_assert_lt(recorder_dir_open(link, geteuid(), true), 0);
        cr_assert_eq(chmod(path, 0750), 0);
        cr_assert_eq(recorder_dir_open(path, geteuid(), false), -EPERM);
        unlink(link);
        rmdir(path);
        rmdir(dir);
}
