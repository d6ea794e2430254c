/* SPDX-License-Identifier: MIT */
/* Any bytes as the memory of a process that has every allocator and runtime: their data, and what it leads to. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "census/dynsym.h"
#include "census/heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes stand in each module's data and in the anonymous memory behind it. */
static const char maps_text[] = "400000-401000 r--p 00000000 08:01 1 /usr/bin/program\n"
                                "401000-420000 rw-p 00001000 08:01 1 /usr/bin/program\n"
                                "500000-520000 rw-p 00000000 08:01 2 /usr/lib/libjemalloc.so.2\n"
                                "600000-620000 rw-p 00000000 08:01 3 /usr/lib/libtcmalloc.so.4\n"
                                "700000-701000 rw-p 00000000 08:01 4 /usr/lib/libmimalloc.so.2\n"
                                "800000-820000 rw-p 00000000 08:01 5 /usr/lib/libpython3.so\n"
                                "900000-920000 rw-p 00000000 08:01 6 /usr/lib/libjvm.so\n"
                                "2000000-2100000 rw-p 00000000 00:00 0 \n";
static const uint64_t places[] = {0x401000, 0x500000, 0x600000, 0x800000, 0x900000, 0x2000000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct remote_memory memory = {.fd = memfd_create("memory", MFD_CLOEXEC), .careful = true};
        struct buf maps = {.data = (char *)maps_text, .len = sizeof(maps_text) - 1};
        struct ranges ranges;
        struct heap *heaps;
        size_t n;

        if (memory.fd < 0 || ftruncate(memory.fd, 0x4000000) < 0 || ranges_make(&maps, &ranges) < 0)
                abort();
        size = size < 0x1f000 ? size : 0x1f000;
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (pwrite(memory.fd, data, size, (off_t)places[i]) != (ssize_t)size)
                        abort();
        (void)dynsym_find(&memory, places[0], "environ");
        /* Most inputs use all the time they get. */
        if (heaps_take(&(struct heap_look){.memory = &memory,
                                           .ranges = &ranges,
                                           .pagemap_fd = -1,
                                           .deadline_ns = clock_monotonic_ns() + 20 * NS_PER_MS},
                       &heaps, &n) < 0)
                abort();
        for (size_t i = 0; i < n; i++)
                if (heaps[i].n_classes > HEAP_CLASSES || heaps[i].n_types > HEAP_TYPES)
                        abort();
        heaps_free(heaps, n);
        ranges_done(&ranges);
        close(memory.fd);
        return 0;
}
