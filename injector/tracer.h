/* SPDX-License-Identifier: MIT */
/* tracer - do something in a thread of its own, whose end lets go of every tracee.
 *
 * ptrace(2) ties a tracee to one thread.  When that thread ends, the kernel detaches whatever it still held
 * (exit_ptrace(), kernel/ptrace.c): stopped threads go on, and an interrupt that is still pending for a
 * thread in uninterruptible sleep is withdrawn - which PTRACE_DETACH could not do, because it needs the
 * thread to be stopped.
 */
#ifndef SWANSONG_INJECTOR_TRACER_H
#define SWANSONG_INJECTOR_TRACER_H

/* Run work(arg) in a new thread, and beside(arg) in this one, both before all others (priority.h); both have returned
 * when this does.  All signals to the caller wait meanwhile: Ctrl-Z must not stop us while we hold others.
 * 0 or -EAGAIN. */
int tracer_run(void (*work)(void *), void (*beside)(void *), void *arg);

#endif
