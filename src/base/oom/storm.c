/* SPDX-License-Identifier: MIT */
#include "base/oom/storm.h"

#include <stddef.h>
#include <sys/mman.h>

bool storm_pass(struct storm *s, uint64_t now_ns, unsigned *ret_left_out)
{
        uint64_t last_ns = atomic_load(&s->last_ns);
        unsigned left_out;

        /* Of two at the same moment one is the first. */
        if ((last_ns != 0 && now_ns - last_ns < STORM_NS) ||
            !atomic_compare_exchange_strong(&s->last_ns, &last_ns, now_ns)) {
                atomic_fetch_add(&s->left_out, 1);
                return false;
        }
        left_out = atomic_exchange(&s->left_out, 0);
        if (ret_left_out)
                *ret_left_out = left_out;
        return true;
}

struct storm *storm_shared(void)
{
        static struct storm *shared;

        if (!shared) {
                void *memory = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                    -1, 0);

                if (memory != MAP_FAILED)
                        shared = memory;
        }
        return shared;
}
