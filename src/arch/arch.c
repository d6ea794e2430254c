/* SPDX-License-Identifier: MIT */
#include "arch/arch.h"

static const struct arch *const arches[] = {&arch_x86_64, &arch_aarch64};

const struct arch *arch_by_machine(uint16_t e_machine)
{
        for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
                if (arches[i]->e_machine == e_machine)
                        return arches[i];
        return NULL;
}

const struct arch *arch_host(void)
{
#if defined(__x86_64__)
        return &arch_x86_64;
#elif defined(__aarch64__)
        return &arch_aarch64;
#else
#error "no src/arch table for this machine: see arch.h"
#endif
}
