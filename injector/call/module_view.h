/* SPDX-License-Identifier: MIT */
/* module_view - one ELF file that another process has mapped, as it lies there, readable in our own memory.
 *
 * From the file (its pages are shared, nothing is copied), or from the process's memory where there is no file to be had:
 * deleted, in no mount namespace of ours, the vdso.  Symbols are those of the dynamic linker (.dynsym), which stripped files have
 * too; unwinding information is .eh_frame's.
 *
 * Nothing in it is trusted: every offset is checked against the view.  Holes between segments read as zeroes.
 * Trap: a file that is truncated while it is mapped raises SIGBUS in the reader; whoever holds a stopped thread must be
 * able to die of that (remote_call.h).
 */
#ifndef SWANSONG_INJECTOR_CALL_MODULE_VIEW_H
#define SWANSONG_INJECTOR_CALL_MODULE_VIEW_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/unwind/cfi.h"
#include "injector/remote_memory.h"

struct module_view {
        uint64_t start; /* where the process has the first byte */
        uint8_t *image; /* where we have it */
        size_t size;
        const uint8_t *eh_frame_hdr; /* in the image, or NULL */
        const Elf64_Sym *symbols;    /* in the image, or NULL */
        size_t n_symbols;
        const char *strings;
        size_t strings_size;
        uint64_t bias; /* what is added to the file's own addresses in the process */
};

#define MODULE_VIEW_NONE ((struct module_view){.image = NULL})

/* fd: the file.  start: where its first segment is mapped.  0; -ENOEXEC: no ELF file of 64 bits; -errno. */
int module_view_file(int fd, uint64_t start, struct module_view *ret);

/* From memory: [start, end), what cannot be read being zeroes.  -EFBIG above 64 MiB. */
int module_view_memory(const struct remote_memory *memory, uint64_t start, uint64_t end,
                       struct module_view *ret);

void module_view_done(struct module_view *v);

/* The name of a symbol, within the image; NULL: it has none. */
const char *module_view_name(const struct module_view *v, const Elf64_Sym *symbol);

/* Is it a function that this file defines?  Functions that choose their code at start (IFUNC) are none. */
static inline bool module_view_is_function(const Elf64_Sym *s)
{
        return ELF64_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF && s->st_value != 0;
}

/* The address, in the process, of the function that the file exports under this name; 0: none. */
uint64_t module_view_function(const struct module_view *v, const char *name);

/* The unwind row for the instruction at pc, an address of the process.  False: there is none. */
bool module_view_row(const struct module_view *v, uint64_t pc, struct cfi_row *ret);

#endif
