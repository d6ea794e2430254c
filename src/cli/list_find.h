/* SPDX-License-Identifier: MIT */
/* list_find - the recorders and bundles in a directory that belong to us. */
#ifndef SWANSONG_CLI_LIST_FIND_H
#define SWANSONG_CLI_LIST_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/recorder/recorder_head.h"

struct list_item {
        bool recorder;               /* else a bundle */
        bool interrupted;            /* a bundle whose capture did not come to its end */
        enum recorder_fate fate;     /* of a recorder's process */
        struct recorder_header head; /* of a recorder */
        char *comm;                  /* malloc'ed, raw */
        char *path;
        pid_t pid;
        uint64_t time_ns; /* CLOCK_REALTIME: last sign of life, or the capture */
        uint64_t size;    /* bytes on disk */
};

struct list {
        struct list_item *items;
        size_t n, room;
        uint64_t refused; /* what looked like ours, but belongs to others, is a link, or is damaged */
};

/* Add what is in the open directory, whose name is `dir_name`.  0 or -errno. */
int list_add_dir(struct list *l, int dirfd, const char *dir_name);

/* Add the recorders in the user's own places for them (recorder_dir.h), as far as these are there.  0 or -errno. */
int list_add_recorders(struct list *l);

/* Oldest first, each path once. */
void list_sort(struct list *l);

void list_done(struct list *l);

#endif
