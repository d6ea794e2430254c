/* SPDX-License-Identifier: MIT */
/* Any bytes as /proc/PID/stat: comm may hold parentheses, blanks and newlines. */
#include <stdlib.h>
#include <string.h>
#include "base/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct stat_brief brief;

        if (stat_brief_parse((const char *)data, size, &brief) == 0 &&
            strnlen(brief.comm, sizeof(brief.comm)) == sizeof(brief.comm))
                abort();
        return 0;
}
