/* SPDX-License-Identifier: MIT */
/* armed_child - what the attending process does; between armed.c and armed_child.c. */
#ifndef SWANSONG_CLI_ARMED_CHILD_H
#define SWANSONG_CLI_ARMED_CHILD_H

#include "cli/armed.h"

struct armed_shared {
        size_t history_len;
        char history[HISTORY_TEXT_MAX];
};

struct armed_child {
        const struct target *target;
        int dirfd;
        const char *dir_name;
        uint64_t budget_ns;
        pid_t parent;
        int fd;
        struct armed_shared *shared;
        const struct brake *brake; /* of a holder (held_child.h) */
        const struct oom_event *event;
};

/* Send a message. */
void armed_child_say(const struct armed_child *a, enum armed_word word, const char *text, uint32_t n_threads,
                     bool incomplete);

/* What the watcher answers to ARMED_KILLED and ARMED_HELD; *ret stays empty when it does not. */
void armed_child_history(const struct armed_child *a, struct buf *ret);

/* Attend, capture, write, end. */
void armed_child_main(const struct armed_child *a) __attribute__((noreturn));

#endif
