/* SPDX-License-Identifier: MIT */
/* Any bytes as the first page of an ELF file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/build_id.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *exact = malloc(size ? size : 1); /* exact size: a read past it is seen */
        char text[BUILD_ID_TEXT];

        if (!exact)
                return 0;
        if (size > 0)
                memcpy(exact, data, size);
        if (build_id_parse(exact, size, text) == 0 &&
            (strlen(text) % 2 != 0 || strspn(text, "0123456789abcdef") != strlen(text)))
                abort();
        return 0;
}
