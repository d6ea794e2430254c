/* SPDX-License-Identifier: MIT */
/* history - the samples before the trigger: fine for the last moments, thinner with age, in fixed memory.
 *
 * A ladder of rings.  The first takes every sample, each further one only what is at least 10 ms, 100 ms, 1 s,
 * 10 s, 100 s after its previous row.  Printed, each ring is used where the finer ones do not reach: with 64
 * rows each, the last 64 samples whole, then 10 ms steps for 0.6 s, 100 ms for 6 s, 1 s for a minute, 10 s for
 * 10 minutes, 100 s for 1.8 hours.
 */
#ifndef SWANSONG_TRIGGER_HISTORY_H
#define SWANSONG_TRIGGER_HISTORY_H

#include "base/buf.h"
#include "trigger/sample.h"

#define HISTORY_RINGS 6
#define HISTORY_ROWS  64

struct history_row {
        uint64_t monotonic_ns, time_ns;
        uint64_t rss, anon, file, shmem, swap, group_usage, available;
        uint64_t used; /* not printed */
};

struct history_ring {
        unsigned next, used;
        struct history_row rows[HISTORY_ROWS];
};

struct history {
        struct history_ring rings[HISTORY_RINGS];
};

/* Bytes of history.tsv at most: the head and 9 numbers of up to 20 digits per row. */
#define HISTORY_TEXT_MAX (128 + HISTORY_RINGS * HISTORY_ROWS * 190)

void history_reset(struct history *h);
void history_add(struct history *h, const struct sample *s);

/* history.tsv of docs/bundle.md. */
void history_write(const struct history *h, struct buf *out);

/* By how much RSS grew, in bytes per second, since the youngest sample that is at least min_age_ns older than
 * the latest, or since the oldest.  Negative: it shrinks.  0 while there is only one sample. */
int64_t history_growth(const struct history *h, uint64_t min_age_ns);

/* The same of what is used of the nearest limit; INT64_MIN while that is not known. */
int64_t history_used_growth(const struct history *h, uint64_t min_age_ns);

/* The lowest RSS of the last age_ns, the latest sample included; older ones are remembered less finely.
 * SAMPLE_UNKNOWN while there is no sample. */
uint64_t history_lowest_rss(const struct history *h, uint64_t age_ns);

#endif
