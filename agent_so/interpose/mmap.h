/* SPDX-License-Identifier: MIT */
/* mmap - see mmap.c. */
#ifndef SWANSONG_AGENT_SO_INTERPOSE_MMAP_H
#define SWANSONG_AGENT_SO_INTERPOSE_MMAP_H

/* Find the functions behind ours.  Constructor only. */
void mmap_resolve(void);

#endif
