/* SPDX-License-Identifier: MIT */
/* Any bytes as /proc/PID/maps, and merged with themselves as smaps. */
#include <stdlib.h>
#include "analysis/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct smaps_total total;
        struct maps maps, smaps, merged;
        struct pool pool = {0};
        bool complete;

        if (maps_parse(text, size, &pool, &maps) == 0 &&
            smaps_parse(text, size / 2, &pool, &smaps, &total) == 0 &&
            maps_merge(&maps, &smaps, &pool, &merged, &complete) == 0) {
                if (merged.n > maps.n + smaps.n || merged.n < smaps.n)
                        abort();
                for (size_t i = 0; i < merged.n; i++)
                        if (merged.list[i].start >= merged.list[i].end || !merged.list[i].perms)
                                abort();
        }
        pool_free(&pool);
        return 0;
}
