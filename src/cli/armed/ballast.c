/* SPDX-License-Identifier: MIT */
#include "cli/armed/ballast.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/populate.h"

#define BALLAST_BYTES ((size_t)16 << 20)

/* Of x86_64, and of aarch64 with pages of 4 KiB; with others the ballast is in small pages. */
#define HUGE_PAGE ((size_t)2 << 20)

static void *reserve(void)
{
        char *memory = mmap(NULL, BALLAST_BYTES + HUGE_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        size_t before;

        if (memory == MAP_FAILED)
                return NULL;
        before = -(uintptr_t)memory % HUGE_PAGE;
        if (before > 0)
                munmap(memory, before);
        munmap(memory + before + BALLAST_BYTES, HUGE_PAGE - before);
        return memory + before;
}

int ballast_fill(struct ballast *b)
{
        void *memory, *none = NULL;

        if (atomic_load(&b->memory))
                return 0;
        memory = reserve();
        if (!memory)
                return -ENOMEM;
        madvise(memory, BALLAST_BYTES, MADV_HUGEPAGE);
        memory_populate(memory, BALLAST_BYTES);
        if (!atomic_compare_exchange_strong(&b->memory, &none, memory))
                munmap(memory, BALLAST_BYTES);
        return 0;
}

void ballast_drop(struct ballast *b)
{
        void *memory = atomic_exchange(&b->memory, NULL);

        if (memory)
                munmap(memory, BALLAST_BYTES);
}
