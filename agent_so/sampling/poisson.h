/* SPDX-License-Identifier: MIT */
/* poisson - when to sample, and what a sample stands for.
 *
 * Sample points lie on the line of allocated bytes at exponential distances with the mean m; an allocation is sampled
 * when a point falls into it: probability p = 1 - exp(-s / m) for s bytes, whatever was before.  It stands for 1/p.
 *
 * Without libm (the agent needs nothing but libc): series that are good to 1e-9, far beyond what sampling needs.
 */
#ifndef SWANSONG_AGENT_SO_SAMPLING_POISSON_H
#define SWANSONG_AGENT_SO_SAMPLING_POISSON_H

#include <stdint.h>

/* -ln(u), 0 < u <= 1. */
double poisson_minus_log(double u);

/* 1/p in fixed point (RECORDER_WEIGHT_ONE is 1).  A block of no bytes counts as one byte. */
uint64_t poisson_weight(uint64_t size, uint64_t mean);

#endif
