/* SPDX-License-Identifier: MIT */
/* draw - chance: numbers of each thread's own generator. */
#ifndef SWANSONG_AGENT_SO_SAMPLING_DRAW_H
#define SWANSONG_AGENT_SO_SAMPLING_DRAW_H

#include <stdint.h>

/* In (0, 1]. */
double draw_uniform(void);

/* Which byte from here on is the next sample point, 1 or more; 0 when the mean is 1: every allocation, also one of no bytes. */
uint64_t draw_distance(uint64_t mean);

#endif
