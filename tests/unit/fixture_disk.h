/* SPDX-License-Identifier: MIT */
/* fixture_disk - a file system of 512 KiB that a test can fill.  Needs CAP_SYS_ADMIN: a test without it is skipped. */
#ifndef SWANSONG_TESTS_FIXTURE_DISK_H
#define SWANSONG_TESTS_FIXTURE_DISK_H

#include <sys/types.h>

struct small_disk {
        char path[64];
        int dir; /* its root directory */
};

void small_disk_make(struct small_disk *ret);
void small_disk_done(struct small_disk *disk);

/* Take all room but `left` bytes, with the file "filler". */
void small_disk_fill(struct small_disk *disk, off_t left);

#endif
