/* SPDX-License-Identifier: MIT */
/* armed - a process of ours that attends a target (injector/attend.h) until the kernel kills it, captures it then, and tells us.
 *
 * It is a process of its own because a tracer has to answer at once, whatever the watcher is busy with, and because its end is the
 * one way to let a target go without stopping it.  It dies with the watcher (PR_SET_PDEATHSIG), and the kernel
 * lets the target go.
 *
 *   armed_start() ─▶ ARMED_READY or ARMED_REFUSED
 *                    the target is killed for memory: ARMED_KILLED, then ARMED_BUNDLE or ARMED_FAILED
 *                    killed by somebody else, or ended by itself: ARMED_OTHER_END
 *   held_start()  ─▶ the same, but it waits at the limit: ARMED_HELD, then ARMED_BUNDLE or ARMED_FAILED
 */
#ifndef SWANSONG_CLI_ARMED_H
#define SWANSONG_CLI_ARMED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/target.h"
#include "brake/brake.h"
#include "brake/oom_event.h"
#include "trigger/history.h"

enum armed_word {
        ARMED_READY,
        ARMED_REFUSED,
        ARMED_KILLED,
        ARMED_HELD,
        ARMED_BUNDLE,
        ARMED_FAILED,
        ARMED_OTHER_END
};

struct armed_message {
        enum armed_word word;
        bool incomplete;     /* BUNDLE: exit status 4 */
        uint32_t n_threads;  /* READY */
        char text[PATH_MAX]; /* REFUSED, FAILED: why; KILLED, HELD: the sentence; BUNDLE: the path */
};

struct armed {
        pid_t child;     /* 0: nobody attends */
        int fd;          /* messages come here; readable at its end, too */
        int binaries_fd; /* the target's files, for the report (capture/binaries.h), or -1 */
        struct armed_shared *shared;
};

#define ARMED_NONE ((struct armed){.fd = -1, .binaries_fd = -1})

/* `dirfd` and `dir_name`: where the bundle goes.  0, or -errno with d filled. */
int armed_start(const struct target *t, int dirfd, const char *dir_name, uint64_t budget_ns,
                struct armed *ret, struct diag *d);

/* The same for a target that is held at its limit (held_child.h): `brake` is on, `event` tells of the sleepers; both
 * stay the caller's, who ends the brake when ARMED_HELD comes, or when the holder has ended without it. */
int held_start(const struct target *t, int dirfd, const char *dir_name, uint64_t budget_ns,
               const struct brake *brake, const struct oom_event *event, struct armed *ret, struct diag *d);

/* The next message: 1; 0 when there is none; -EPIPE when it has ended. */
int armed_read(struct armed *a, struct armed_message *ret);

/* Answer ARMED_KILLED or ARMED_HELD: the samples before it, for the bundle. */
void armed_give_history(struct armed *a, const struct history *h);

/* Let the target go, and free. */
void armed_stop(struct armed *a);

#endif
