/* SPDX-License-Identifier: MIT */
/* Any bytes as status and limits. */
#include <stdint.h>
#include "analysis/limits.h"
#include "analysis/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct pool pool = {0};
        struct status status;
        struct limits limits;

        (void)status_parse((const char *)data, size, &pool, &status);
        limits_parse((const char *)data, size, &limits);
        pool_free(&pool);
        return 0;
}
