/* SPDX-License-Identifier: MIT */
/* core - write an ELF core of registers and stacks: `gdb EXE core`, `eu-stack --core core`.
 *
 * What is in it: NT_PRSTATUS of each thread, NT_PRPSINFO, NT_AUXV, NT_FILE; PT_LOADs only for memory that was
 * copied (never for the rest of the address space: 60,000 mappings need no 60,000 headers).  Their data is
 * page-aligned, without which eu-stack finds a tenth of the frames.
 *
 * The order: ELF header, program headers, a section header if there are 65,535 or more of those, notes,
 * memory.
 */
#ifndef SWANSONG_CAPTURE_STACKS_CORE_H
#define SWANSONG_CAPTURE_STACKS_CORE_H

#include "base/buf.h"
#include "base/target.h"
#include "capture/stacks/pages.h"
#include "capture/stacks/stacks.h"

struct core {
        const struct target *target;
        const struct buf *maps, *auxv, *cmdline;
        const struct map_index *map_index;
        const struct pages *pages;
        const struct stacks *stacks;
        size_t n_threads;       /* of stacks; those of which nothing is known are left out */
        struct memory_run more; /* bytes 0: nothing */
};

/* Where it goes: called again and again, in order. */
typedef void (*core_put)(void *arg, const void *data, size_t n);

/* 0 or -ENOMEM (before the first byte). */
int core_write(const struct core *c, core_put put, void *arg);

#endif
