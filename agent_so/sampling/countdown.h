/* SPDX-License-Identifier: MIT */
/* countdown - the bytes up to the next sample point, counted down by each allocation.
 *
 * Unsigned, and 0 is "now, whatever comes": so a size that no allocator grants (a negative one, or a product that overflowed)
 * is due, fails, and moves nothing.  On x86 that is one instruction with the flags of its comparison (below or equal); the compiler
 * makes four of it. */
#ifndef SWANSONG_AGENT_SO_SAMPLING_COUNTDOWN_H
#define SWANSONG_AGENT_SO_SAMPLING_COUNTDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Take n off.  true: the point is reached; what is left is then to be set anew. */
static inline __attribute__((always_inline)) bool countdown_take(uint64_t *left, size_t n)
{
        bool reached;

#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
        __asm__("subq %[n], %[left]" : [left] "+m"(*left), "=@ccbe"(reached) : [n] "r"(n));
#else
        reached = *left <= n;
        *left -= n;
#endif
        return reached;
}

#endif
