/* SPDX-License-Identifier: MIT */
#include "capture/stacks/modules.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#include "base/maps_line.h"
#include "base/scan.h"

#define LINK_MAPS_MAX    8192
#define NAMESPACES_MAX   16 /* glibc's DL_NNS */
#define DYNAMIC_MAX      512
#define DATA_MAX         65536
#define PROGRAM_MAPS_MAX 8

/* Does the file that is mapped from its beginning at `first` have code mapped behind it? */
static bool is_module(const struct map_index *maps, size_t first)
{
        const struct map_range *r = &maps->ranges[first];

        for (size_t i = first; i < maps->n && i < first + 16; i++) {
                const struct map_range *next = &maps->ranges[i];

                if (next->inode == r->inode && next->dev_major == r->dev_major &&
                    next->dev_minor == r->dev_minor && (next->flags & MAP_IS_EXEC))
                        return true;
        }
        return false;
}

static void keep_headers(struct pages *p, const struct map_index *maps)
{
        for (size_t i = 0; i < maps->n; i++) {
                const struct map_range *r = &maps->ranges[i];

                if (r->flags & MAP_IS_VDSO)
                        pages_keep(p, r->start, r->end - r->start);
                else if ((r->flags & MAP_IS_FILE) && (r->flags & MAP_IS_READ) && r->offset == 0 &&
                         is_module(maps, i))
                        pages_keep(p, r->start, 1);
        }
}

static uint64_t auxv_value(const struct buf *auxv, uint64_t type)
{
        Elf64_auxv_t entry;

        for (size_t at = 0; at + sizeof(entry) <= auxv->len; at += sizeof(entry)) {
                memcpy(&entry, auxv->data + at, sizeof(entry));
                if (entry.a_type == type)
                        return entry.a_un.a_val;
        }
        return 0;
}

/* Where the executable's dynamic section is in memory; 0: it has none (static). */
static uint64_t find_dynamic(struct pages *p, uint64_t phdr, uint64_t n)
{
        uint64_t bias = 0, dynamic = 0;
        bool has_dynamic = false;

        for (uint64_t i = 0; i < n && i < 64; i++) {
                Elf64_Phdr h;

                if (pages_read(p, phdr + i * sizeof(h), &h, sizeof(h)) < 0)
                        return 0;
                if (h.p_type == PT_PHDR)
                        bias = phdr - h.p_vaddr;
                if (h.p_type == PT_DYNAMIC) {
                        dynamic = h.p_vaddr;
                        has_dynamic = true;
                }
        }
        return has_dynamic ? bias + dynamic : 0;
}

static uint64_t find_r_debug(struct pages *p, uint64_t dynamic)
{
        for (unsigned i = 0; i < DYNAMIC_MAX; i++) {
                Elf64_Dyn entry;

                if (pages_read(p, dynamic + i * sizeof(entry), &entry, sizeof(entry)) < 0 ||
                    entry.d_tag == DT_NULL)
                        break;
                if (entry.d_tag == DT_DEBUG)
                        return entry.d_un.d_ptr;
        }
        return 0;
}

static void keep_string(struct pages *p, uint64_t address)
{
        char c = 1;

        for (unsigned i = 0; i < PATH_MAX && c && pages_read(p, address + i, &c, 1) == 0; i++)
                ;
}

static void keep_link_maps(struct pages *p, uint64_t address, unsigned *left)
{
        while (address && *left > 0) {
                struct link_map map; /* the public part, <link.h> */

                if (pages_read(p, address, &map, sizeof(map)) < 0)
                        return;
                if (map.l_name)
                        keep_string(p, (uintptr_t)map.l_name);
                address = (uintptr_t)map.l_next;
                (*left)--;
        }
}

/* Since glibc 2.35 (r_version 2) each namespace of dlmopen() has its own struct, chained. */
static void keep_linker_lists(struct pages *p, uint64_t r_debug)
{
        unsigned left = LINK_MAPS_MAX;

        for (unsigned i = 0; r_debug && i < NAMESPACES_MAX; i++) {
                struct r_debug list;
                uint64_t next = 0;

                if (pages_read(p, r_debug, &list, sizeof(list)) < 0)
                        return;
                keep_link_maps(p, (uintptr_t)list.r_map, &left);
                if (list.r_version >= 2)
                        pages_read(p, r_debug + sizeof(list), &next, sizeof(next));
                r_debug = next;
        }
}

/* Writable data, its beginning at least: gdb's libthread_db follows pointers from libc's (and ld.so's, which holds
 * r_debug) to the list of threads; in a static program they are its own. */
static void keep_data(struct pages *p, const struct map_range *r)
{
        size_t size = r->end - r->start;

        if (r->flags & MAP_IS_WRITE)
                pages_keep(p, r->start, size < DATA_MAX ? size : DATA_MAX);
}

/* "/usr/lib/x86_64-linux-gnu/libc.so.6"; before glibc 2.34 "libc-2.31.so" and "libpthread-2.31.so". */
static bool is_libc(const struct maps_line *m)
{
        const char *slash = m->path ? memrchr(m->path, '/', m->path_len) : NULL;
        struct scan name =
                slash ? scan_of(slash + 1, (size_t)(m->path + m->path_len - slash - 1)) : scan_of("", 0);

        return scan_word(&name, "libc.so") || scan_word(&name, "libc-") || scan_word(&name, "libpthread");
}

static void keep_libc_data(struct pages *p, const struct map_index *maps, const struct buf *text)
{
        const char *at = text->data, *end = at + text->len;
        struct maps_line line;

        while (at < end)
                if (maps_line_parse(at, (size_t)(end - at), &line, &at) == 0 && is_libc(&line)) {
                        const struct map_range *r = map_index_find(maps, line.start);

                        if (r)
                                keep_data(p, r);
                }
}

/* The executable's: from its first mapping to the last of the same file, .bss and heap behind it. */
static void keep_program_data(struct pages *p, const struct map_index *maps, uint64_t phdr)
{
        const struct map_range *program = map_index_find(maps, phdr), *end = maps->ranges + maps->n;

        for (const struct map_range *r = program; r && r < end && r < program + PROGRAM_MAPS_MAX; r++)
                if (r->inode == program->inode || !(r->flags & MAP_IS_FILE))
                        keep_data(p, r);
}

void modules_keep(struct pages *p, const struct map_index *maps, const struct buf *text,
                  const struct buf *auxv)
{
        uint64_t phdr = auxv_value(auxv, AT_PHDR), dynamic, r_debug;

        keep_headers(p, maps);
        if (!phdr || auxv_value(auxv, AT_PHENT) != sizeof(Elf64_Phdr))
                return;
        dynamic = find_dynamic(p, phdr, auxv_value(auxv, AT_PHNUM));
        r_debug = dynamic ? find_r_debug(p, dynamic) : 0;
        if (r_debug) {
                const struct map_range *linker = map_index_find(maps, r_debug);

                if (linker)
                        keep_data(p, linker);
                keep_libc_data(p, maps, text);
                keep_linker_lists(p, r_debug);
        } else
                keep_program_data(p, maps, phdr);
}
