/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel's BTF: nothing is read beyond them, and structures in themselves come to an end. */
#include <linux/btf.h>
#include <stdint.h>

#include "witness/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct btf b;

        if (btf_parse(data, size, &b) < 0)
                return 0;
        btf_field(&b, btf_find(&b, BTF_KIND_STRUCT, "task_struct"), "tgid");
        btf_tracepoint(&b, "mark_victim", "task_struct");
        btf_done(&b);
        return 0;
}
