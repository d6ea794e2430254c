/* SPDX-License-Identifier: MIT */
/* Any bytes as a JIT's symbol map. */
#include <stdlib.h>

#include "analysis/symbols/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct perf_map_query queries[] = {{.address = 0},
                                           {.address = 0x1000},
                                           {.address = 0x1010},
                                           {.address = 0x7f2c4a1c5c40},
                                           {.address = UINT64_MAX}};
        const char *text = (const char *)data, *end = text + size;

        perf_map_find(text, size, queries, sizeof(queries) / sizeof(*queries));
        for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++) {
                const struct perf_map_query *q = &queries[i];

                if (q->name && (q->name < text || q->name_len == 0 || q->name_len > (size_t)(end - q->name)))
                        abort();
        }
        return 0;
}
