/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>

char *clock_rfc3339(uint64_t realtime_ns, char out[CLOCK_TEXT])
{
        time_t seconds = (time_t)(realtime_ns / NS_PER_S);
        struct tm tm;
        char day[24];

        gmtime_r(&seconds, &tm);
        strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(out, CLOCK_TEXT, "%.19s.%06uZ", day, (unsigned)(realtime_ns % NS_PER_S / 1000));
        return out;
}

char *clock_compact(uint64_t realtime_ns, char out[CLOCK_TEXT])
{
        time_t seconds = (time_t)(realtime_ns / NS_PER_S);
        struct tm tm;

        gmtime_r(&seconds, &tm);
        strftime(out, CLOCK_TEXT, "%Y%m%dT%H%M%SZ", &tm);
        return out;
}
