/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/remains.h"
#include "fixture_disk.h"

static unsigned n_entries(int dir)
{
        DIR *d = fdopendir(dup(dir));
        struct dirent *e;
        unsigned n = 0;

        while ((e = readdir(d)))
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}

static int write_to(const struct small_disk *disk, struct capture_outcome *ret, struct diag *d)
{
        const struct target target = {.pid = 4711, .comm = "gone", .pidfd = -1, .proc_fd = -1};
        const struct capture_request request = {
                .target = &target, .out_dirfd = disk->dir, .out_dir = disk->path, .guarantee = "recorder"};
        const struct remains remains = {.recorder_fd = memfd_create("recorder", MFD_CLOEXEC)};
        int r;

        cr_assert_eq(ftruncate(remains.recorder_fd, 100000), 0);
        r = remains_write(&remains, &request, ret, d);
        close(remains.recorder_fd);
        return r;
}

Test(remains, a_recorder_that_does_not_fit_is_kept_as_far_as_it_does)
{
        struct small_disk disk;
        struct capture_outcome outcome;
        char path[256];
        struct diag d;
        struct stat st;

        small_disk_make(&disk);
        small_disk_fill(&disk, 8 * 4096);
        cr_assert_eq(write_to(&disk, &outcome, &d), 0, "%s", d.text);
        cr_expect(outcome.incomplete);
        snprintf(path, sizeof(path), "%s/recorder", outcome.path);
        cr_expect_eq(stat(path, &st), 0);
        cr_expect_gt(st.st_size, 0);
        free(outcome.path);
        small_disk_done(&disk);
}

Test(remains, nothing_is_left_where_there_is_no_room_for_a_byte)
{
        struct small_disk disk;
        struct capture_outcome outcome;
        struct diag d;

        small_disk_make(&disk);
        small_disk_fill(&disk, 0);
        cr_expect_eq(write_to(&disk, &outcome, &d), -ENOSPC);
        cr_expect_eq(n_entries(disk.dir), 1, "there is more than the filler");
        small_disk_done(&disk);
}
