/* SPDX-License-Identifier: MIT */
/* armed_internal - between the files armed*.c: what the watcher's processes share. */
#ifndef SWANSONG_CLI_ARMED_INTERNAL_H
#define SWANSONG_CLI_ARMED_INTERNAL_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/oom/kmsg.h"
#include "capture/at_kill.h"
#include "cli/armed/armed.h"
#include "cli/armed/attended.h"

/* The attendant shows that it is there at least this often. */
#define ARMED_BEAT_NS (250 * NS_PER_MS)

/* Captures that can be made at the same time, and histories that can be on their way to their writers. */
#define ARMED_AT_ONCE   32
#define ARMED_HISTORIES ARMED_AT_ONCE

struct armed_shared {
        _Atomic uint64_t beats;
        _Atomic bool busy_with_dead; /* somebody is held in his exit: see guard.c */
        _Atomic unsigned histories_used;
        struct armed_history {
                _Atomic bool there;
                struct earlier earlier;
                size_t len;
                char text[HISTORY_TEXT_MAX];
        } histories[ARMED_HISTORIES];
};

/* "Attend this process." */
struct armed_question {
        pid_t pid;
        uint64_t start_ticks;
};

/* What an attendant has of its watcher. */
struct armed_side {
        const struct armed_options *options;
        struct armed_shared *shared;
        pid_t parent;
        int asked_fd;   /* questions */
        int telling_fd; /* answers */
        int life_fd;    /* the guard's */
};

/* Why the guard has ended: one byte to life_fd. */
enum armed_end { ARMED_END_ASKED = 'a', ARMED_END_HUNG = 'h', ARMED_END_DIED = 'd' };

void armed_guard_main(const struct armed_side *s) __attribute__((noreturn));
void armed_attendant_main(const struct armed_side *s) __attribute__((noreturn));

/* Send a message; without MSG_DONTWAIT in `flags` it waits for the watcher.  0 or -errno. */
int armed_tell(const struct armed_side *s, const struct target *t, enum armed_word word, unsigned n,
               bool incomplete, const char *text, int flags);

/* The kernel's log as far as it is of use: 0; -errno: it may not be read, or names PIDs of another namespace. */
int armed_log_open(enum kmsg_start start, struct kmsg *ret);

/* A place for the history that answers ARMED_KILLED: its number is the message's n. */
unsigned armed_history_place(const struct armed_side *s);

/* Wait for the history, and add to the sentence the dumps that were taken before the target's end; both stay as they are when
 * none comes. */
void armed_history_take(const struct armed_side *s, unsigned place, uint64_t end_ns, struct buf *sentence,
                        struct buf *ret);

/* Make the bundle of what was taken, and tell of it.  In a process of its own. */
void armed_write(const struct armed_side *s, struct at_kill *k, const struct attended *target, int signal,
                 uint64_t dying_ns);

#endif
