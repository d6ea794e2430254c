/* SPDX-License-Identifier: MIT */
/* core - the bundle's ELF core: the threads' registers, and the memory that was copied.
 *
 * Works on bytes and trusts none of them: every offset and size is checked, what points outside the file is
 * cut or left out.  Only 64-bit little-endian cores of the machines in src/arch, whatever machine this runs on.
 *
 *   ELF header | program headers | PT_NOTE: one NT_PRSTATUS per thread, NT_PRPSINFO, NT_AUXV, NT_FILE
 *              | PT_LOADs: pages of stack, the first page of each mapped ELF file, the vdso, link_map
 *
 * Traps: a PT_LOAD has p_filesz 0 where nothing was copied; a cut file ends inside a PT_LOAD; from 65,535
 * program headers on, their number stands in section header 0 (PN_XNUM).
 */
#ifndef SWANSONG_ANALYSIS_CORE_H
#define SWANSONG_ANALYSIS_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/cleanup.h"

struct core_thread {
        int32_t tid;
        const void *gregs; /* arch->gregs_size bytes, in the core's bytes (perhaps unaligned) */
};

struct core_load {
        uint64_t start, end; /* addresses whose bytes are there */
        const uint8_t *bytes;
};

struct core {
        const struct arch *arch;
        struct core_thread *threads; /* in the order of the notes */
        size_t n_threads;
        struct core_load *loads; /* by address, not overlapping */
        size_t n_loads;
        const uint8_t *file_note; /* NT_FILE's descriptor, NULL if there is none */
        size_t file_note_size;
        bool cut; /* something pointed behind the end of the file */
};

/* Parse the bytes, which must stay as long as the core is used.  0, -EINVAL (no such core), -ENOMEM.
 * core_done() also after a failure. */
int core_parse(const uint8_t *data, size_t size, struct core *ret);
void core_done(struct core *c);

/* The n bytes of memory at `address`, or NULL when the core does not have all of them in one piece.  *hint
 * speeds up neighbouring reads: any number to begin with, then what the last call left there. */
const uint8_t *core_memory(const struct core *c, uint64_t address, size_t n, size_t *hint);

/* How many bytes are there from `address` on (0: none). */
size_t core_available(const struct core *c, uint64_t address);

#define _cleanup_core_ _cleanup_(core_done)

#endif
