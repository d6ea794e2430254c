/* SPDX-License-Identifier: MIT */
/* Any bytes as a process's mappings and memory: the arenas in libc's data, and the heap that they lead to. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "census/glibc.h"
#include "census/walk.h"

#define HEAP_ADDRESS UINT64_C(0x10000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *data, size_t size)
{
        char line[] = "10000-4010000 rw-p 00000000 00:00 0 [heap]\n";
        struct buf maps = {.data = line, .len = strlen(line)};
        struct remote_memory memory = {.fd = memfd_create("heap", MFD_CLOEXEC), .careful = true};
        struct heap_sums sums = {0};
        struct ranges ranges;
        struct window window;
        struct tally tally;
        struct walk *w = calloc(1, sizeof(*w));

        if (!w || memory.fd < 0 || pwrite(memory.fd, data, size, (off_t)HEAP_ADDRESS) != (ssize_t)size)
                abort();
        if (ranges_make(&maps, &ranges) < 0 || tally_make(&ranges, &tally) < 0 ||
            window_make(&memory, -1, &window) < 0)
                abort();
        *w = (struct walk){.window = &window,
                           .tally = &tally,
                           .deadline_ns = clock_monotonic_ns() + NS_PER_S,
                           .non_main = size % 2};
        walk_heap(w, HEAP_ADDRESS, HEAP_ADDRESS + size, HEAP_ADDRESS + size / 16 * 16, &sums);
        if (sums.in_use + sums.free + sums.unseen > size + 16)
                abort();
        window_done(&window);
        tally_done(&tally);
        ranges_done(&ranges);
        close(memory.fd);
        free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint64_t *words = malloc(size + 8);
        struct glibc_totals totals;
        struct glibc_arena arena;

        if (!words)
                abort();
        memcpy(words, data, size);
        (void)glibc_find_arena(words, size / 8, 0x7f0000001000, &arena);
        (void)glibc_find_totals(words, size / 8, 0x1000, 0x2000, &totals);
        free(words);
        if (size > 0)
                walk(data, size);
        return 0;
}
