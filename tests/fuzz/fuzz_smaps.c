/* SPDX-License-Identifier: MIT */
/* Any bytes as smaps: parsed, summed, and accounted for; the rows must add up to RSS. */
#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SANE (UINT64_C(1) << 62) /* above this, sums stop growing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct thread_row threads[] = {{.tid = 1, .sp = 0x7ffc11223340},
                                                    {.tid = 2, .sp = 0x7f0c00001000}};
        struct memory_witnesses w = {.status = status_unknown,
                                     .statm = {REPORT_UNKNOWN, REPORT_UNKNOWN, REPORT_UNKNOWN}};
        struct report r = {0};
        struct maps maps;
        uint64_t sum = 0;

        smaps_rollup_parse((const char *)data, size, &w.rollup);
        if (smaps_parse((const char *)data, size, &r.pool, &maps, &w.smaps) == 0) {
                r.maps = maps.list;
                r.n_maps = maps.n;
                w.smaps_complete = maps.n > 0;
                memory_account(&r, &w);
                if (where_account(&r, threads, sizeof(threads) / sizeof(threads[0])) == 0 &&
                    r.memory.rss < SANE) {
                        for (size_t i = 0; i < r.memory.n_where; i++)
                                sum += r.memory.where[i].bytes;
                        if (sum != r.memory.rss)
                                abort();
                }
        }
        pool_free(&r.pool);
        return 0;
}
