/* SPDX-License-Identifier: MIT */
#include "trigger/history.h"

#include <inttypes.h>

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

int64_t history_growth(const struct history *h, uint64_t min_age_ns)
{
        const struct history_row *last, *then = NULL;
        double seconds;

        if (h->rings[0].used == 0)
                return 0;
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
        if (then->monotonic_ns == last->monotonic_ns)
                return 0;
        seconds = (double)(last->monotonic_ns - then->monotonic_ns) / NS_PER_S;
        return (int64_t)(((double)last->rss - (double)then->rss) / seconds);
}
