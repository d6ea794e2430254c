/* SPDX-License-Identifier: MIT */
#include "trigger/history.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/clock.h"

static const uint64_t spacing_ns[HISTORY_RINGS] = {
        0, 10 * NS_PER_MS, 100 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S, 100 * NS_PER_S,
};

/* The row that was added `back` rows ago (0: the last one); back < used. */
static const struct history_row *ring_row(const struct history_ring *r, unsigned back)
{
        return &r->rows[(r->next + 2 * HISTORY_ROWS - 1 - back) % HISTORY_ROWS];
}

void history_reset(struct history *h)
{
        for (int i = 0; i < HISTORY_RINGS; i++)
                h->rings[i].next = h->rings[i].used = 0;
}

void history_add(struct history *h, const struct sample *s)
{
        const struct history_row row = {
                .monotonic_ns = s->monotonic_ns,
                .time_ns = s->time_ns,
                .rss = s->rss,
                .anon = s->anon,
                .file = s->file,
                .shmem = s->shmem,
                .swap = s->swap,
                .group_usage = s->group_usage,
                .available = s->available,
                .used = s->used,
        };

        for (int i = 0; i < HISTORY_RINGS; i++) {
                struct history_ring *r = &h->rings[i];

                if (r->used > 0 && row.monotonic_ns - ring_row(r, 0)->monotonic_ns < spacing_ns[i])
                        continue;
                r->rows[r->next] = row;
                r->next = (r->next + 1) % HISTORY_ROWS;
                if (r->used < HISTORY_ROWS)
                        r->used++;
        }
}

static void put_number(struct buf *out, uint64_t value, char separator)
{
        if (value == SAMPLE_UNKNOWN)
                buf_char(out, '-');
        else
                buf_printf(out, "%" PRIu64, value);
        buf_char(out, separator);
}

static void put_row(struct buf *out, const struct history_row *row)
{
        put_number(out, row->time_ns, '\t');
        put_number(out, row->rss, '\t');
        put_number(out, row->anon, '\t');
        put_number(out, row->file, '\t');
        put_number(out, row->shmem, '\t');
        put_number(out, row->swap, '\t');
        put_number(out, row->group_usage, '\t');
        put_number(out, row->available, '\n');
}

void history_write(const struct history *h, struct buf *out)
{
        buf_str(out, "time_ns\trss\tanon\tfile\tshmem\tswap\tgroup_usage\tavailable\n");
        for (int i = HISTORY_RINGS - 1; i >= 0; i--) {
                const struct history_ring *r = &h->rings[i], *finer = i > 0 ? &h->rings[i - 1] : NULL;
                /* A ring that never was full reaches back to the very first sample. */
                uint64_t until_ns = !finer || finer->used == 0
                                            ? UINT64_MAX
                                            : ring_row(finer, finer->used - 1)->monotonic_ns;

                for (unsigned back = r->used; back-- > 0;) {
                        const struct history_row *row = ring_row(r, back);

                        if (row->monotonic_ns < until_ns)
                                put_row(out, row);
                }
        }
}

/* The latest row, and the youngest that is at least min_age_ns older than it, or the oldest. False: no rows. */
static bool find_then(const struct history *h, uint64_t min_age_ns, const struct history_row **ret_last,
                      const struct history_row **ret_then)
{
        const struct history_row *last, *then = NULL;

        if (h->rings[0].used == 0)
                return false;
        last = ring_row(&h->rings[0], 0);
        for (int i = 0; i < HISTORY_RINGS; i++) {
                for (unsigned back = 0; back < h->rings[i].used; back++) {
                        const struct history_row *row = ring_row(&h->rings[i], back);

                        if (!then || row->monotonic_ns < then->monotonic_ns)
                                then = row;
                        if (last->monotonic_ns - then->monotonic_ns >= min_age_ns)
                                goto found;
                }
        }
found:
        *ret_last = last;
        *ret_then = then;
        return true;
}

static int64_t growth_per_s(uint64_t then, uint64_t then_ns, uint64_t last, uint64_t last_ns)
{
        if (last_ns == then_ns)
                return 0;
        return (int64_t)(((double)last - (double)then) * NS_PER_S / (double)(last_ns - then_ns));
}

int64_t history_growth(const struct history *h, uint64_t min_age_ns)
{
        const struct history_row *last, *then;

        if (!find_then(h, min_age_ns, &last, &then))
                return 0;
        return growth_per_s(then->rss, then->monotonic_ns, last->rss, last->monotonic_ns);
}

int64_t history_used_growth(const struct history *h, uint64_t min_age_ns)
{
        const struct history_row *last, *then;

        if (!find_then(h, min_age_ns, &last, &then) || last->used == SAMPLE_UNKNOWN ||
            then->used == SAMPLE_UNKNOWN)
                return INT64_MIN;
        return growth_per_s(then->used, then->monotonic_ns, last->used, last->monotonic_ns);
}

uint64_t history_lowest_rss(const struct history *h, uint64_t age_ns)
{
        uint64_t lowest = SAMPLE_UNKNOWN, now_ns = 0;

        for (int i = 0; i < HISTORY_RINGS; i++)
                for (unsigned back = 0; back < h->rings[i].used; back++) {
                        const struct history_row *row = ring_row(&h->rings[i], back);

                        if (i == 0 && back == 0)
                                now_ns = row->monotonic_ns;
                        if (now_ns - row->monotonic_ns > age_ns)
                                break;
                        if (row->rss < lowest)
                                lowest = row->rss;
                }
        return lowest;
}
