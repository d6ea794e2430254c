/* SPDX-License-Identifier: MIT */
/* ends - the normal ends of a process, at which the recorder goes: exit(), quick_exit(), and those that run no handlers.
 *
 * _exit() is ours; so is daemon(), whose parent ends by an _exit() inside libc.  (Of the process that owns the recorder: not of its
 * vfork() child.)  A system call that the program makes itself, past syscall(), looks like a kill. */
#ifndef SWANSONG_AGENT_ENDS_H
#define SWANSONG_AGENT_ENDS_H

/* Have the handlers run.  Once. */
void ends_watch(void);

#endif
