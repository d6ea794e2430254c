/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/elf_view.h"

#include <endian.h>
#include <gelf.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

/* What all compressed sections of one file may need together.  Chromium's debug information has about so much; a file made
 * for the purpose needs no more than a thousandth of what it inflates to. */
#define INFLATED_MAX (UINT64_C(2) << 30)

static const char *section_name(Elf *elf, size_t strings, const GElf_Shdr *s)
{
        const char *name = elf_strptr(elf, strings, s->sh_name);

        return name ? name : "";
}

/* "frame" of ".debug_frame" and of ".zdebug_frame"; NULL for any other section. */
static const char *debug_name(const char *section)
{
        if (strncmp(section, ".debug_", 7) == 0)
                return section + 7;
        return strncmp(section, ".zdebug_", 8) == 0 ? section + 8 : NULL;
}

static bool wanted(const char *name, const char *const *names)
{
        for (; *names; names++)
                if (strcmp(name, *names) == 0)
                        return true;
        return false;
}

/* Keep the memory as long as the view. */
static bool remember(struct elf_view *v, void *memory)
{
        void **more = reallocarray(v->inflated, v->n_inflated + 1, sizeof(*more));

        if (!more)
                return false;
        v->inflated = more;
        v->inflated[v->n_inflated++] = memory;
        return true;
}

/* What the section says it inflates to, with its own header or that of ".zdebug_": "ZLIB", then 8 bytes, the highest first.  0: it is
 * not compressed. */
static uint64_t inflated_size(Elf_Scn *section, const GElf_Shdr *s, bool zdebug)
{
        Elf_Data *raw = s->sh_flags & SHF_COMPRESSED || !zdebug ? NULL : elf_rawdata(section, NULL);
        GElf_Chdr header;
        uint64_t size;

        if (s->sh_flags & SHF_COMPRESSED)
                return gelf_getchdr(section, &header) ? header.ch_size : UINT64_MAX;
        if (!raw || raw->d_size < 12 || memcmp(raw->d_buf, "ZLIB", 4) != 0)
                return 0;
        memcpy(&size, (const char *)raw->d_buf + 4, sizeof(size));
        return be64toh(size);
}

/* The bytes of a section that zlib compressed, or NULL; their number goes to *ret_size. */
static void *inflate_section(const Elf_Data *data, const GElf_Chdr *header, size_t header_size,
                             size_t *ret_size)
{
        struct libdeflate_decompressor *inflater;
        size_t n = data->d_size - header_size;
        void *bytes;

        /* Deflate cannot do better than 1032 to 1: a size beyond that is a lie. */
        if (header->ch_type != ELFCOMPRESS_ZLIB || header->ch_size / 1032 > n)
                return NULL;
        bytes = malloc(header->ch_size + 1);
        inflater = libdeflate_alloc_decompressor();
        if (!bytes || !inflater ||
            libdeflate_zlib_decompress(inflater, (const char *)data->d_buf + header_size, n, bytes,
                                       header->ch_size, NULL) != LIBDEFLATE_SUCCESS) {
                free(bytes);
                bytes = NULL;
        }
        if (inflater)
                libdeflate_free_decompressor(inflater);
        *ret_size = header->ch_size;
        return bytes;
}

/* Put the inflated bytes in place of the compressed ones. */
static void section_inflate(struct elf_view *v, Elf_Scn *section, GElf_Shdr *s)
{
        const bool is64 = gelf_getclass(v->elf) == ELFCLASS64;
        const size_t header_size = is64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
        /* Two descriptors of the same bytes: libdw has used either, depending on its version. */
        Elf_Data *raw = elf_rawdata(section, NULL), *data = elf_getdata(section, NULL);
        GElf_Chdr header;
        size_t size;
        void *bytes;

        if (!raw || !data || raw->d_size <= header_size || !gelf_getchdr(section, &header))
                return;
        bytes = inflate_section(raw, &header, header_size, &size);
        if (!bytes)
                return;
        if (!remember(v, bytes)) {
                free(bytes);
                return;
        }
        raw->d_buf = data->d_buf = bytes;
        raw->d_size = data->d_size = size;
        raw->d_type = data->d_type = ELF_T_BYTE;
        s->sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
        s->sh_size = size;
        s->sh_addralign = header.ch_addralign;
        gelf_update_shdr(section, s);
}

struct elf_view elf_view_open(int fd, const char *const *names)
{
        struct elf_view v = {.elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL)};
        Elf_Scn *section = NULL;
        uint64_t left = INFLATED_MAX;
        size_t strings;

        if (!v.elf || elf_kind(v.elf) != ELF_K_ELF || elf_getshdrstrndx(v.elf, &strings) < 0) {
                elf_view_close(&v);
                return v;
        }
        while ((section = elf_nextscn(v.elf, section))) {
                GElf_Shdr s;
                const char *full = gelf_getshdr(section, &s) ? section_name(v.elf, strings, &s) : "";
                const char *name = debug_name(full);
                uint64_t size;

                if (!name || s.sh_type == SHT_NOBITS)
                        continue;
                size = inflated_size(section, &s, full[1] == 'z');
                /* What is too large is hidden: libdw would inflate it itself. */
                if (!wanted(name, names) || size > left) {
                        s.sh_type = SHT_NOBITS;
                        gelf_update_shdr(section, &s);
                        continue;
                }
                left -= size;
                if (s.sh_flags & SHF_COMPRESSED)
                        section_inflate(&v, section, &s);
        }
        return v;
}

void elf_view_close(struct elf_view *v)
{
        elf_end(v->elf);
        for (size_t i = 0; i < v->n_inflated; i++)
                free(v->inflated[i]);
        free(v->inflated);
        *v = (struct elf_view){0};
}

Elf_Scn *elf_section(Elf *elf, const char *name)
{
        Elf_Scn *section = NULL;
        size_t strings;

        if (elf_getshdrstrndx(elf, &strings) < 0)
                return NULL;
        while ((section = elf_nextscn(elf, section))) {
                GElf_Shdr s;

                if (gelf_getshdr(section, &s) && s.sh_type != SHT_NOBITS && s.sh_size > 0 &&
                    strcmp(section_name(elf, strings, &s), name) == 0)
                        return section;
        }
        return NULL;
}

bool elf_has_debug(Elf *elf, const char *name)
{
        Elf_Scn *section = NULL;
        size_t strings;

        if (elf_getshdrstrndx(elf, &strings) < 0)
                return false;
        while ((section = elf_nextscn(elf, section))) {
                GElf_Shdr s;
                const char *have;

                if (!gelf_getshdr(section, &s) || s.sh_type == SHT_NOBITS || s.sh_size == 0)
                        continue;
                have = debug_name(section_name(elf, strings, &s));
                if (have && strcmp(have, name) == 0)
                        return true;
        }
        return false;
}
