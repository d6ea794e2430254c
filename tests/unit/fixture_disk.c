/* SPDX-License-Identifier: MIT */
#include "fixture_disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

void small_disk_make(struct small_disk *ret)
{
        strcpy(ret->path, "/tmp/swansong-test-disk.XXXXXX");
        cr_assert_not_null(mkdtemp(ret->path));
        if (mount("none", ret->path, "tmpfs", 0, "size=512k") < 0) {
                rmdir(ret->path);
                cr_skip("needs a small file system (CAP_SYS_ADMIN)");
        }
        ret->dir = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(ret->dir, 0);
}

void small_disk_done(struct small_disk *disk)
{
        close(disk->dir);
        umount2(disk->path, MNT_DETACH);
        rmdir(disk->path);
}

void small_disk_fill(struct small_disk *disk, off_t left)
{
        static const char chunk[4096];
        int fd = openat(disk->dir, "filler", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        while (write(fd, chunk, sizeof(chunk)) > 0)
                ;
        cr_expect_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - left), 0);
        close(fd);
}
