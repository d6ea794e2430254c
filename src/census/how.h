/* SPDX-License-Identifier: MIT */
/* how - how much of the heap a census reads. */
#ifndef SWANSONG_CENSUS_HOW_H
#define SWANSONG_CENSUS_HOW_H

#include <stdint.h>

/* Bytes: what takes about as long as the rest of a dump. */
#define CENSUS_FULL_MAX (UINT64_C(2) << 30)

enum census_how {
        CENSUS_AUTO, /* full up to CENSUS_FULL_MAX, else a sample: the default */
        CENSUS_FULL,
        CENSUS_SAMPLE, /* of a large heap some windows, scaled up */
        CENSUS_OFF
};

#endif
