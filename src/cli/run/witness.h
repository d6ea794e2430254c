/* SPDX-License-Identifier: MIT */
/* run_witness - was this signal sent to us alone, or to the whole process group?
 *
 * The command is in our group: what is sent to the group (kill -TERM -PGID; timeout(1) does it) it has already, and gets it a
 * second time if we pass it on: for many programs a second ^C means "at once".  A signal's siginfo does not tell.  So a
 * witness stands by: a process in the same group that blocks every signal and does nothing.  What is pending for it
 * (ShdPnd in /proc/PID/status) was sent to the group.
 *
 * kill(2) signals a group's members one after the other under the kernel's list lock, which fork(2) takes, too: after a fork
 * what was begun is complete.  Each question is put to the witness of before, when its successor has been forked.
 */
#ifndef SWANSONG_CLI_RUN_WITNESS_H
#define SWANSONG_CLI_RUN_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct run_witness {
        pid_t pid;     /* 0: there is none; then nothing is known to have been sent to the group */
        uint64_t seen; /* signals of the group, not asked for so far; bit signo - 1 */
};

/* Call it before anything can be sent. */
void run_witness_start(struct run_witness *w);

/* We got this signal: has the whole group got it?  Each time is told once. */
bool run_witness_saw(struct run_witness *w, int signo);

void run_witness_end(struct run_witness *w);

#endif
