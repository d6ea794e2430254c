/* SPDX-License-Identifier: MIT */
/* seccomp - a program that locks itself in: no system call of the agent's may be what it is killed for.
 *
 * A filter that the program installs itself is written for the program: what the agent calls beside it (to read /proc, to
 * ask for a thread's stack, to remove its file) may be death.  So prctl() and syscall() are watched for it.  From then on the agent
 * works in memory only: samples go on, in the pages that the recorder has by then; no history, no statistics, no dumps, no
 * new recorders in children; at the exit the file is marked and stays (recorder_old.h).  The service thread waits for ever.
 *
 * A filter that was there before the program began (a container's) knows ordinary programs: it changes nothing. */
#ifndef SWANSONG_AGENT_SECCOMP_H
#define SWANSONG_AGENT_SECCOMP_H

/* In the constructor. */
void seccomp_resolve(void);

/* The service thread, when agent_sealed: comes back if the filter could not be installed. */
void seccomp_park(void);

#endif
