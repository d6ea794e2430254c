/* SPDX-License-Identifier: MIT */
/* Any bytes as manifest.json. */
#include <stdlib.h>
#include "analysis/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct pool pool = {0};
        struct manifest m;
        struct diag d;

        if (manifest_parse((const char *)data, size, &pool, &m, &d) == 0)
                for (size_t i = 0; i < m.n_sections; i++)
                        if (!m.sections[i].path)
                                abort();
        pool_free(&pool);
        return 0;
}
