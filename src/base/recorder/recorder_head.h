/* SPDX-License-Identifier: MIT */
/* recorder_head - the head of a recorder (recorder_layout.h), made safe, and what became of its process.
 *
 * For both halves: `swansong list` needs no more than this of a recorder. */
#ifndef SWANSONG_BASE_RECORDER_RECORDER_HEAD_H
#define SWANSONG_BASE_RECORDER_RECORDER_HEAD_H

#include <stddef.h>

#include "base/recorder/recorder_layout.h"

/* Copy the header out of the first bytes of a recorder; texts are NUL-terminated, sections not checked.  0, -EINVAL (no
 * recorder, or one that never got its magic), -ENOTSUP (of a later version). */
int recorder_head_parse(const void *data, size_t len, struct recorder_header *ret);

enum recorder_fate {
        RECORDER_FATE_UNKNOWN, /* its PIDs are not ours: it ran in another PID namespace */
        RECORDER_FATE_ALIVE,
        RECORDER_FATE_KILLED,   /* gone without having come to its exit: a signal, or _exit() */
        RECORDER_FATE_REBOOTED, /* the same, and the machine has restarted since */
        RECORDER_FATE_REPLACED, /* the process went on as another program by exec(), without the agent */
        RECORDER_FATE_FINISHED, /* has come to its exit; there because of `keep` */
};

/* Look at /proc, now. */
enum recorder_fate recorder_fate(const struct recorder_header *h);

/* "alive", "killed", "replaced", "finished", "unknown". */
const char *recorder_fate_word(enum recorder_fate fate);

/* A time of the recorder (CLOCK_MONOTONIC, ns) as CLOCK_REALTIME; 0 for 0. */
uint64_t recorder_realtime(const struct recorder_header *h, uint64_t monotonic_ns);

#endif
