/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "capture/remains.h"

static char root[] = "/tmp/swansong-test-remains.XXXXXX";

/* A file system on which only `left` bytes are free. */
static int full_disk(off_t left)
{
        static const char chunk[4096];
        int dir, fd;

        cr_assert_not_null(mkdtemp(root));
        if (mount("none", root, "tmpfs", 0, "size=512k") < 0)
                cr_skip("needs a small file system (CAP_SYS_ADMIN)");
        dir = open(root, O_RDONLY | O_DIRECTORY);
        fd = openat(dir, "filler", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, chunk, sizeof(chunk)) > 0)
                ;
        cr_expect_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - left), 0);
        close(fd);
        return dir;
}

static void full_disk_done(int dir)
{
        close(dir);
        umount2(root, MNT_DETACH);
        rmdir(root);
}

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

static int write_to(int dir, struct capture_outcome *ret, struct diag *d)
{
        const struct target target = {.pid = 4711, .comm = "gone", .pidfd = -1, .proc_fd = -1};
        const struct capture_request request = {
                .target = &target, .out_dirfd = dir, .out_dir = root, .guarantee = "recorder"};
        const struct remains remains = {.recorder_fd = memfd_create("recorder", MFD_CLOEXEC)};
        int r;

        cr_assert_eq(ftruncate(remains.recorder_fd, 100000), 0);
        r = remains_write(&remains, &request, ret, d);
        close(remains.recorder_fd);
        return r;
}

Test(remains, a_recorder_that_does_not_fit_is_kept_as_far_as_it_does)
{
        int dir = full_disk(8 * 4096);
        struct capture_outcome outcome;
        char path[256];
        struct diag d;
        struct stat st;

        cr_assert_eq(write_to(dir, &outcome, &d), 0, "%s", d.text);
        cr_expect(outcome.incomplete);
        snprintf(path, sizeof(path), "%s/recorder", outcome.path);
        cr_expect_eq(stat(path, &st), 0);
        cr_expect_gt(st.st_size, 0);
        free(outcome.path);
        full_disk_done(dir);
}

Test(remains, nothing_is_left_where_there_is_no_room_for_a_byte)
{
        int dir = full_disk(0);
        struct capture_outcome outcome;
        struct diag d;

        cr_expect_eq(write_to(dir, &outcome, &d), -ENOSPC);
        cr_expect_eq(n_entries(dir), 1, "there is more than the filler");
        full_disk_done(dir);
}
