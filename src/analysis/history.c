/* SPDX-License-Identifier: MIT */
#include "analysis/history.h"

#include <errno.h>
#include <math.h>

#include "analysis/amount.h"
#include "analysis/tsv.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define RECENT_NS   (10 * NS_PER_S)
#define SAMPLES_MIN 8

int samples_parse(const char *text, size_t len, struct pool *pool, const struct report_sample **ret,
                  size_t *ret_n)
{
        static const char *const columns[] = {"time_ns", "rss",  "anon",        "file",
                                              "shmem",   "swap", "group_usage", "available"};
        struct report_sample *list = NULL;
        size_t n = 0, room = 0;
        struct scan cells[ARRAY_SIZE(columns)];
        struct tsv t;

        *ret = NULL;
        *ret_n = 0;
        if (tsv_begin(text, len, columns, ARRAY_SIZE(columns), &t) < 0)
                return 0;
        while (tsv_next(&t, cells)) {
                uint64_t time_ns = tsv_number(&cells[0]);

                if (!amount_known(time_ns) || (n > 0 && time_ns < list[n - 1].time_ns))
                        continue;
                list = pool_grow(pool, list, n, n + 1, &room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                list[n++] = (struct report_sample){
                        .time_ns = time_ns,
                        .rss = tsv_number(&cells[1]),
                        .anon = tsv_number(&cells[2]),
                        .file = tsv_number(&cells[3]),
                        .shmem = tsv_number(&cells[4]),
                        .swap = tsv_number(&cells[5]),
                        .group_usage = tsv_number(&cells[6]),
                        .available = tsv_number(&cells[7]),
                };
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

static uint64_t column_of(const struct report_sample *s, size_t column)
{
        return *(const uint64_t *)((const char *)s + column);
}

struct growth samples_growth(const struct report_sample *samples, size_t n, size_t column)
{
        struct growth g = {.bytes_per_s = NAN};
        double sum_t = 0, sum_v = 0, sum_tt = 0, sum_tv = 0, sum_vv = 0, first = 0, last = 0;
        double mean_t, mean_v, var_t, var_v, covariance;

        /* Backwards from the last sample; times and values relative to it, so that the sums stay exact. */
        for (size_t i = n; i-- > 0;) {
                uint64_t age_ns = samples[n - 1].time_ns - samples[i].time_ns;
                uint64_t value = column_of(&samples[i], column);
                double t, v;

                if (age_ns > RECENT_NS && g.n >= SAMPLES_MIN)
                        break;
                if (!amount_known(value))
                        continue;
                if (g.n == 0)
                        last = (double)value;
                first = (double)value;
                t = -(double)age_ns / (double)NS_PER_S;
                v = (double)value - last;
                sum_t += t;
                sum_v += v;
                sum_tt += t * t;
                sum_tv += t * v;
                sum_vv += v * v;
                g.seconds = -t;
                g.n++;
        }
        if (g.n < 2)
                return g;
        mean_t = sum_t / (double)g.n;
        mean_v = sum_v / (double)g.n;
        var_t = sum_tt / (double)g.n - mean_t * mean_t;
        var_v = sum_vv / (double)g.n - mean_v * mean_v;
        covariance = sum_tv / (double)g.n - mean_t * mean_v;
        if (!(var_t > 0))
                return g;
        g.bytes_per_s = covariance / var_t;
        g.gained = last - first;
        g.steadiness = var_v > 0 ? covariance * covariance / (var_t * var_v) : 0;
        return g;
}
