/* SPDX-License-Identifier: MIT */
/* held_child - the process that holds a target at the limit of its v1 memory group (brake/brake.h, BRAKE_HOLD).
 *
 *   it sleeps on the group's eventfd; nothing is traced
 *   a thread reaches the limit and sleeps in its page fault; the others run on, and their system calls fail for lack of
 *     memory: so at once, before anything else,
 *   seize and interrupt all threads, then wake the sleepers by a raised limit: all stop, with all registers
 *   put the limit back; copy them and the rest, within the budget
 *   put the kill back, while all stand still; let all go
 *   the kernel does what it would have done; its word on that is waited for, then the bundle is written
 *
 * It dies with the watcher: the kernel lets the target go, the brake's guard puts the group's files back. */
#ifndef SWANSONG_CLI_ARMED_HELD_CHILD_H
#define SWANSONG_CLI_ARMED_HELD_CHILD_H

#include "cli/armed/internal.h"

struct held_child {
        struct armed_side side;
        const struct target *target;
        const struct brake *brake;
        const struct oom_event *event;
};

void held_child_main(const struct held_child *a) __attribute__((noreturn));

#endif
