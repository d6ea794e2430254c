/* SPDX-License-Identifier: MIT */
/* module_file - the ELF file that a module was mapped from, and its separate debug information.
 *
 * A wrong symbol is worse than none, so a file is taken only if it is provably the one that was mapped: its
 * GNU build ID is that of the target's memory, or, where there is none (Go), its first page is, or the
 * code that the kernel's log shows is, or the capture handed over the mapped inode itself.  Looked for in this order:
 *   1. the files that `swansong` holds open for us (--binaries): also deleted, replaced and other namespaces' ones
 *   2. below the sysroot      3. the path itself      4. debuginfod, where DEBUGINFOD_URLS is set
 * Debug information comes by build ID: SYSROOT/usr/lib/debug/.build-id/ab/cdef….debug, the same below /, and
 * from debuginfod where DEBUGINFOD_URLS is set.
 * Only regular files are opened, and nothing is executed; no byte of the bundle is given to libelf or libdw.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_MODULE_FILE_H
#define SWANSONG_ANALYSIS_SYMBOLS_MODULE_FILE_H

#include <elfutils/libdw.h>
#include <libelf.h>

#include "analysis/symbols/elf_view.h"
#include "analysis/symbols/modules.h"

struct binary { /* a row of the table of --binaries */
        int fd;
        uint32_t dev_major, dev_minor;
        uint64_t inode;
};

/* Bytes that were in the target's memory, told by somebody else than the core: the kernel's log (kill_frame.h). */
struct known_code {
        uint64_t address;
        const uint8_t *bytes;
        size_t len;
};

/* Where to look; one for the whole analysis. */
struct module_finder {
        struct pool *pool;
        const struct core *core;
        const struct binary *binaries;
        size_t n_binaries;
        const char *sysroot;           /* or NULL */
        const struct known_code *code; /* instead of the core's pages, or NULL */
        void (*progress)(void *data, const char *what);
        void *progress_data;
};

struct module_file {
        Elf *elf; /* NULL: no file, and then why says why not */
        int fd;   /* of elf, or -1 (the vdso); */
        bool fd_ours;
        bool has_symtab; /* a full symbol table, not only the exported names */
        const char *why; /* "the file on disk has another build ID" */
        Elf *debug;      /* separate debug information, or NULL; see module_debug() */
        int debug_fd;
        bool debug_tried;
        void *minidebug; /* memory of an embedded symbol table, see module_minidebug() */
        Elf *minidebug_elf;
        bool minidebug_tried;
        Dwarf_CFI *eh_cfi; /* unwind_rules.h's */
        bool eh_cfi_tried;
        struct elf_view frame_view; /* holds only .debug_frame */
        Dwarf *frame_dwarf;
        bool frame_tried;
};

/* Read the table's text, "FD MAJOR:MINOR INODE\n" per line.  0 or -ENOMEM. */
int binaries_parse(const char *text, size_t len, struct pool *pool, const struct binary **ret, size_t *ret_n);

/* The module's file, looked for at the first call.  NULL only when memory is out; ->elf is NULL when there is
 * no file. Sets the module's bias if its headers were not in the core. */
struct module_file *module_file_get(const struct module_finder *f, struct module *m);

/* Its separate debug file, looked for at the first call, or NULL. */
Elf *module_debug(const struct module_finder *f, struct module *m);

/* Its embedded compressed symbol table (.gnu_debugdata, "mini debug info"), or NULL. */
Elf *module_minidebug(const struct module_finder *f, struct module *m);

/* Does the ELF file have this build ID (hex)? */
bool elf_has_build_id(Elf *elf, const char *build_id);

/* Ask debuginfod for the module's executable or its debug file, where DEBUGINFOD_URLS is set; elfutils' own
 * look-up.  fd or -1. */
int module_fetch(const struct module_finder *f, const struct module *m, bool debug);

void module_file_close(struct module *m);

#endif
