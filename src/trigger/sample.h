/* SPDX-License-Identifier: MIT */
/* sample - what was measured of one process at one moment.  Bytes; SAMPLE_UNKNOWN where nothing is known. */
#ifndef SWANSONG_TRIGGER_SAMPLE_H
#define SWANSONG_TRIGGER_SAMPLE_H

#include <stdint.h>

#define SAMPLE_UNKNOWN UINT64_MAX

struct sample {
        uint64_t time_ns;                        /* CLOCK_REALTIME */
        uint64_t monotonic_ns;                   /* the same moment */
        uint64_t rss, anon;                      /* at each tick, from statm */
        uint64_t file, shmem, swap, group_usage; /* now and then: the last value that was read */
        uint64_t available,
                swap_free;        /* of the machine; now and then, at each tick where a condition needs it */
        uint64_t used;            /* of the nearest limit (limit.h): likewise */
        uint64_t pss, uss;        /* from smaps_rollup: only when a condition may have come true */
        uint64_t rollup_rss;      /* RSS when pss and uss were measured */
        uint64_t rollup_taken_ns; /* when (monotonic); 0: never */
};

#define SAMPLE_NOTHING                                                                                       \
        ((struct sample){.rss = SAMPLE_UNKNOWN,                                                              \
                         .anon = SAMPLE_UNKNOWN,                                                             \
                         .file = SAMPLE_UNKNOWN,                                                             \
                         .shmem = SAMPLE_UNKNOWN,                                                            \
                         .swap = SAMPLE_UNKNOWN,                                                             \
                         .group_usage = SAMPLE_UNKNOWN,                                                      \
                         .available = SAMPLE_UNKNOWN,                                                        \
                         .swap_free = SAMPLE_UNKNOWN,                                                        \
                         .used = SAMPLE_UNKNOWN,                                                             \
                         .pss = SAMPLE_UNKNOWN,                                                              \
                         .uss = SAMPLE_UNKNOWN})

#endif
