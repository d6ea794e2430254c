/* SPDX-License-Identifier: MIT */
/* Any bytes as /proc/PID/cgroup. */
#include <stdlib.h>
#include "analysis/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct pool pool = {0};
        const char *path;
        int version;

        if (cgroup_name_parse((const char *)data, size, &pool, &version, &path) == 0 &&
            (*path != '/' || version < 1 || version > 2))
                abort();
        pool_free(&pool);
        return 0;
}
