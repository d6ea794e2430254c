/* SPDX-License-Identifier: MIT */
/* core - the bundle's ELF core: the threads' registers, and the memory that was copied.
 *
 * Trusts no byte of it: every offset and size is checked, what points outside the file is cut or left out.  Only
 * 64-bit little-endian cores of the machines in src/arch, whatever machine this runs on.
 *
 *   ELF header | program headers | PT_NOTE: one NT_PRSTATUS per thread, NT_PRPSINFO, NT_AUXV, NT_FILE
 *              | PT_LOADs: pages of stack, the first page of each mapped ELF file, the vdso, link_map
 *
 * Headers and notes are kept, memory is read when it is asked for, through one small window: the stacks of
 * 4,096 threads are 50 MB, and each is looked at once.
 *
 * Traps: a PT_LOAD has p_filesz 0 where nothing was copied; a cut file ends inside a PT_LOAD; from 65,535
 * program headers on, their number stands in section header 0 (PN_XNUM).
 */
#ifndef SWANSONG_ANALYSIS_STACKS_CORE_H
#define SWANSONG_ANALYSIS_STACKS_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/cleanup.h"

/* What core_memory() gives at most in one piece, from the beginning of a page. */
#define CORE_WINDOW 32768

struct core_source {                                                    /* where the file's bytes come from */
        bool (*read)(void *data, uint64_t offset, void *out, size_t n); /* all n bytes, or false */
        void *data;
        uint64_t size; /* of the file */
};

struct core_thread {
        int32_t tid;
        const void *gregs; /* arch->gregs_size bytes as in the note (perhaps unaligned) */
};

struct core_load {
        uint64_t start, end; /* addresses whose bytes are there */
        uint64_t offset;     /* of the first one in the file */
};

struct core_notes;
struct core_window;

struct core {
        struct core_source source;
        const struct arch *arch;
        struct core_thread *threads; /* in the order of the notes */
        size_t n_threads;
        struct core_load *loads; /* by address, not overlapping */
        size_t n_loads;
        const uint8_t *file_note; /* NT_FILE's descriptor, NULL if there is none */
        size_t file_note_size;
        bool cut; /* something pointed behind the end of the file */
        struct core_notes *notes;
        uint64_t notes_size;
        struct core_window *window;
};

/* Parse the headers and notes; the source must stay as long as the core is used.  0, -EINVAL (no such core),
 * -ENOMEM. core_done() also after a failure. */
int core_parse(const struct core_source *source, struct core *ret);
void core_done(struct core *c);

/* The n bytes of memory at `address`, valid until the next call, or NULL when the core does not have all of
 * them. */
const uint8_t *core_memory(const struct core *c, uint64_t address, size_t n);

/* How many bytes there are from `address` on (0: none). */
uint64_t core_available(const struct core *c, uint64_t address);

/* Sources: an open file (data: int *), and bytes (data: the bytes). */
bool core_read_file(void *fd, uint64_t offset, void *out, size_t n);
bool core_read_bytes(void *bytes, uint64_t offset, void *out, size_t n);

#define _cleanup_core_ _cleanup_(core_done)

#endif
