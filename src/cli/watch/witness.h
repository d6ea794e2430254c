/* SPDX-License-Identifier: MIT */
/* watch_witness - a process that may not be attended: have the kernel copy one thread of it if it kills it (witness/witness.h).
 *
 * What a core needs beside registers and stack is read while the process lives.  Nothing is loaded before the first refusal.
 */
#ifndef SWANSONG_CLI_WATCH_WITNESS_H
#define SWANSONG_CLI_WATCH_WITNESS_H

#include "witness/witness.h"

struct watcher;
struct watched;

struct watch_witness {
        struct witness witness;
        bool tried;
        struct diag why_not; /* of the attempt */
};

/* Prepare for its kill.  In words what will be had, or why nothing; until the next call. */
const char *watch_witness_call(struct watcher *w, struct watched *p);

/* It is attended after all. */
void watch_witness_dismiss(struct watched *p);

/* Take what the kernel has seen, and keep what is of watched processes. */
void watch_witness_hear(struct watcher *w);

/* The thread that it saw, ready for remains_write(); NULL: it saw none of it. */
const struct thread_capture *watch_witness_thread(const struct watched *p);

void watch_witness_close(struct watcher *w);

#endif
