/* SPDX-License-Identifier: MIT */
/* Any bytes as meminfo, pressure and slabinfo. */
#include <stdlib.h>
#include "analysis/key_value.h"
#include "analysis/machine/machine.h"
#include "analysis/machine/slabs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        const struct report_key_value *list;
        const struct report_slab *slabs;
        struct pool pool = {0};
        struct pressure pressure;
        size_t n;

        (void)key_value_list(text, size, &pool, &list, &n);
        pressure_parse(text, size, &pressure);
        if (slabs_parse(text, size, 4096, &pool, &slabs, &n) == 0)
                for (size_t i = 1; i < n; i++)
                        if (slabs[i - 1].bytes < slabs[i].bytes)
                                abort();
        pool_free(&pool);
        return 0;
}
