/* SPDX-License-Identifier: MIT */
/* exec - see exec.c. */
#ifndef SWANSONG_AGENT_EXEC_H
#define SWANSONG_AGENT_EXEC_H

/* Find the functions behind ours: later, in the child of a vfork(), nothing may be looked up.  Constructor only. */
void exec_resolve(void);

#endif
