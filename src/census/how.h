/* SPDX-License-Identifier: MIT */
/* how - how much of the heap a census reads. */
#ifndef SWANSONG_CENSUS_HOW_H
#define SWANSONG_CENSUS_HOW_H

enum census_how {
        CENSUS_FULL,
        CENSUS_SAMPLE, /* of a large heap some windows, scaled up */
        CENSUS_OFF
};

#endif
