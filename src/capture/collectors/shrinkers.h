/* SPDX-License-Identifier: MIT */
/* shrinkers - the pure part of shrinkers.c. */
#ifndef SWANSONG_CAPTURE_COLLECTORS_SHRINKERS_H
#define SWANSONG_CAPTURE_COLLECTORS_SHRINKERS_H

#include <stddef.h>
#include <stdint.h>

/* The sum of all objects in the text of a shrinker's `count`; UINT64_MAX when it does not fit. */
uint64_t shrinker_count_parse(const char *text, size_t len);

#endif
