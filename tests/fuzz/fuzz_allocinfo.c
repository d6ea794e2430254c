/* SPDX-License-Identifier: MIT */
/* Any bytes as allocinfo, swaps and zram's mm_stat. */
#include <stdlib.h>

#include "analysis/machine/allocinfo.h"
#include "analysis/machine/swaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct report_system s = {0};
        struct report_swap *swaps;
        struct pool pool = {0};
        uint64_t stored, memory;
        size_t n;

        if (allocinfo_parse(text, size, &pool, &s) == 0)
                for (size_t i = 1; i < s.n_allocations; i++)
                        if (s.allocations[i - 1].bytes < s.allocations[i].bytes || !s.allocations[i].site)
                                abort();
        if (swaps_parse(text, size, &pool, &swaps, &n) == 0)
                for (size_t i = 0; i < n; i++)
                        if (!swaps[i].path || !swaps[i].type)
                                abort();
        (void)zram_parse(text, size, &stored, &memory);
        pool_free(&pool);
        return 0;
}
