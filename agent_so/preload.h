/* SPDX-License-Identifier: MIT */
/* preload - children=no: programs that this one executes do not get the agent. */
#ifndef SWANSONG_AGENT_PRELOAD_H
#define SWANSONG_AGENT_PRELOAD_H

/* Take libswansong.so out of LD_PRELOAD, in place: nothing is allocated, other libraries stay. */
void preload_shed(void);

/* The same on a text like LD_PRELOAD's value: paths divided by blanks or colons. */
void preload_shed_text(char *value);

#endif
