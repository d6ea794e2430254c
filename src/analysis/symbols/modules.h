/* SPDX-License-Identifier: MIT */
/* modules - what code was mapped where: the target's ELF files, found through its maps.
 *
 * Works on the text of /proc/PID/maps and on the pages that the core has; opens no file (module_file.h does,
 * and only for modules that hold a frame).  Consecutive mappings of one file are one module:
 *   55d0c0a00000-55d0c0a4f000 r--p 00000000 103:02 332162   /usr/bin/redis-server   begins with ELF headers
 *   55d0c0a4f000-55d0c0bb2000 r-xp 0004f000 103:02 332162   /usr/bin/redis-server
 * Traps: a file may be mapped twice (dlmopen), or in part and without its headers; the load bias is not the
 * first address when the first segment's p_vaddr is not 0; anonymous executable memory is a JIT's.
 */
#ifndef SWANSONG_ANALYSIS_SYMBOLS_MODULES_H
#define SWANSONG_ANALYSIS_SYMBOLS_MODULES_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/stacks/core.h"
#include "base/pool.h"

struct module_file;

struct module {
        const char *path;    /* as in maps, NUL-terminated: a path, "[vdso]" */
        uint64_t start, end; /* of all its mappings */
        uint64_t map_offset; /* file offset of the mapping at start */
        uint32_t dev_major, dev_minor;
        uint64_t inode;
        bool has_headers;         /* its ELF headers are in the core, and valid */
        bool has_bias;            /* bias is known: from the core's headers, or later from the file */
        uint64_t bias;            /* address in memory minus address in the file */
        const char *build_id;     /* as seen in the target's memory, lower-case hex; NULL: not seen */
        struct module_file *file; /* module_file.h's, NULL until asked for */
};

struct modules {
        const struct core *core;
        struct module *modules;
        size_t n_modules;
        struct module_range { /* executable mappings by address */
                uint64_t start, end;
                struct module *module; /* NULL: no file (a JIT's memory) */
        } * ranges;
        size_t n_ranges;
};

/* Read the text of maps; memory comes from the pool, the core must stay.  Lines that are none are skipped.
 * 0 or -ENOMEM. */
int modules_parse(const char *maps, size_t len, const struct core *core, struct pool *pool,
                  struct modules *ret);

/* The executable mapping that holds pc, or NULL. */
const struct module_range *modules_find(const struct modules *m, uint64_t pc);

/* The load bias by one of the module's program headers: the one whose file range holds the module's first
 * mapping.  False when none does. */
bool module_bias_from(struct module *m, const Elf64_Phdr *phdrs, size_t n);

#endif
