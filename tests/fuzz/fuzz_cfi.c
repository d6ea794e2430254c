/* SPDX-License-Identifier: MIT */
/* Any bytes as a module's .eh_frame_hdr with its .eh_frame behind it: rows for the addresses that its table names. */
#include <stdlib.h>
#include <string.h>

#include "base/unwind/cfi.h"

#define TABLE 12 /* version and encodings, frame pointer, count: as GNU ld writes them */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned steps[] = {0, 1, 4, 20, 300};
        uint8_t *copy = malloc(size + 1); /* what is read behind it is found */
        struct cfi_module module = {(uintptr_t)copy, (uintptr_t)copy + size, copy};

        memcpy(copy, data, size);
        for (size_t at = TABLE; at + 8 <= size && at < TABLE + 32 * 8; at += 8) {
                int32_t relative;

                memcpy(&relative, copy + at, sizeof(relative));
                for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                        struct cfi_row row, again;

                        if (!cfi_find((uintptr_t)copy + (uintptr_t)(intptr_t)relative + steps[i], &module,
                                      &row) &&
                            row.kind != CFI_NONE)
                                abort();
                        again = cfi_unpack(cfi_pack(&row));
                        if (row.kind != again.kind || row.offset != again.offset || row.fp != again.fp ||
                            row.extra != again.extra)
                                abort();
                }
        }
        free(copy);
        return 0;
}
