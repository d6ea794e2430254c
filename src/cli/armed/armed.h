/* SPDX-License-Identifier: MIT */
/* armed - the watcher's side of a process of ours that attends its targets (injector/attend.h) until they are killed, captures
 * them then, and tells us.
 *
 *   swansong watch ── guard (armed_guard.c) ── attendant (armed_attendant.c) ── a writer for each capture (armed_writer.c)
 *
 * The attendant is a process of its own because a tracer has to answer at once, whatever the watcher is busy with, and because
 * its end is the one way to let a target go without stopping it.  The guard ends it if it hangs.  Both die with the watcher
 * (PR_SET_PDEATHSIG); writers live on until their bundle is complete.
 *
 *   armed_ask() ─▶ ARMED_READY or ARMED_REFUSED
 *                  the target is killed: ARMED_DYING, then ARMED_KILLED, then ARMED_BUNDLE or ARMED_FAILED;
 *                  not by the kernel for memory: ARMED_DYING, then ARMED_ENDED
 *                  it ends in another way: ARMED_ENDED
 *   armed_hold() ─▶ the same from a process for this target alone, which waits at the limit: ARMED_DYING when that is reached,
 *                  ARMED_HELD, then ARMED_BUNDLE or ARMED_FAILED; its end is the end of it
 */
#ifndef SWANSONG_CLI_ARMED_ARMED_H
#define SWANSONG_CLI_ARMED_ARMED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/target.h"
#include "brake/brake.h"
#include "brake/oom_event.h"
#include "census/how.h"
#include "cli/earlier.h"
#include "trigger/history.h"

enum armed_word {
        ARMED_READY,
        ARMED_REFUSED,
        ARMED_DYING,
        ARMED_KILLED,
        ARMED_HELD,
        ARMED_BUNDLE,
        ARMED_FAILED,
        ARMED_ENDED
};

struct armed_message {
        enum armed_word word;
        pid_t pid; /* which target: as in armed_ask() */
        uint64_t start_ticks;
        bool incomplete; /* BUNDLE: exit status 4 */
        unsigned
                n; /* READY: threads; REFUSED: the PID that traces it, or 0; KILLED, HELD: where the history goes */
        char text
                [PATH_MAX]; /* REFUSED, FAILED: why; KILLED, HELD: the sentence; BUNDLE: the path.  Sent up to its NUL only */
};

struct armed_options {
        int dirfd; /* where the bundles go */
        const char *dir_name;
        uint64_t budget_ns;
        bool on_crash; /* fatal signals of the program itself, too */
        enum census_how census;
};

struct armed {
        struct armed_options options;
        pid_t guard;    /* 0: nobody attends */
        int asking_fd;  /* to the attendant; its end is the attendant's end */
        int life_fd;    /* readable when the guard has ended */
        int words_fd;   /* messages come here, from this attendant, the ones before it, and all writers */
        int telling_fd; /* the other end, for the next attendant */
        struct armed_shared *shared;
};

#define ARMED_NONE ((struct armed){.asking_fd = -1, .life_fd = -1, .words_fd = -1, .telling_fd = -1})

/* Start an attendant, who has no target yet, and wait until it is ready.  0, or -errno with d filled. */
int armed_open(struct armed *a, const struct armed_options *options, struct diag *d);

/* Have the target attended.  0; -EAGAIN: ask again later; -EPIPE: the attendant has ended. */
int armed_ask(struct armed *a, const struct target *t);

/* The next message: 1; 0 when there is none. */
int armed_read(struct armed *a, struct armed_message *ret);

/* Answer ARMED_KILLED or ARMED_HELD: the samples and dumps before it, for the bundle. */
void armed_give_history(struct armed *a, unsigned n, const struct history *h, const struct earlier *earlier);

/* Let all targets go without a stop: another attendant takes over, who has to be asked.  Captures that are being made come to
 * their end first.  0, or -errno with d filled: then nobody attends. */
int armed_renew(struct armed *a, struct diag *d);

/* life_fd is readable: why the attendant has ended ("it did not answer for 1 s"). */
const char *armed_last_word(struct armed *a);

/* A process that holds a target at its limit (held_child.h). */
struct holder {
        pid_t child; /* 0: none */
        int life_fd; /* readable when it has ended */
};

#define HOLDER_NONE ((struct holder){.life_fd = -1})

/* `brake` is on, `event` tells of the sleepers; both stay the caller's, who ends the brake when ARMED_HELD comes, or when the
 * holder has ended without it.  0, or -errno with d filled. */
int armed_hold(struct armed *a, const struct target *t, const struct brake *brake,
               const struct oom_event *event, struct holder *ret, struct diag *d);

/* Let the target go, and free. */
void holder_stop(struct holder *h);

void armed_close(struct armed *a);

#endif
