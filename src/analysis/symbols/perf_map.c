/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/perf_map.h"

#include "base/scan.h"

/* The first query at or above the address. */
static size_t first_from(const struct perf_map_query *queries, size_t n, uint64_t address)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (queries[middle].address < address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void perf_map_find(const char *text, size_t len, struct perf_map_query *queries, size_t n)
{
        struct scan s = scan_of(text, len), line;

        /* Only whole lines: the end of the last one may not have been written yet. */
        while (scan_until(&s, "\n", &line)) {
                uint64_t start, size;

                if (!scan_hex(&line, &start) || !scan_word(&line, " ") || !scan_hex(&line, &size) ||
                    !scan_word(&line, " ") || scan_left(&line) == 0)
                        continue;
                for (size_t i = first_from(queries, n, start); i < n && queries[i].address - start < size;
                     i++) {
                        queries[i].name = line.at;
                        queries[i].name_len = scan_left(&line);
                }
        }
}
