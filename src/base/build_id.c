/* SPDX-License-Identifier: MIT */
#include "base/build_id.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NOTE_HEADER 12 /* Elf32_Nhdr and Elf64_Nhdr are the same */

static size_t pad4(size_t n)
{
        return (n + 3) & ~(size_t)3;
}

static bool notes_find(const char *notes, size_t len, char out[BUILD_ID_TEXT])
{
        static const char hex[] = "0123456789abcdef";

        while (len >= NOTE_HEADER) {
                uint32_t head[3];
                size_t name, id;

                memcpy(head, notes, sizeof(head));
                notes += NOTE_HEADER;
                len -= NOTE_HEADER;
                name = pad4(head[0]);
                id = pad4(head[1]);
                if (head[0] > len || name > len || head[1] > len - name)
                        return false;
                if (head[2] == NT_GNU_BUILD_ID && head[0] == 4 && memcmp(notes, "GNU", 4) == 0 &&
                    head[1] > 0 && head[1] <= BUILD_ID_MAX) {
                        for (size_t i = 0; i < head[1]; i++) {
                                unsigned char byte = (unsigned char)notes[name + i];

                                out[2 * i] = hex[byte >> 4];
                                out[2 * i + 1] = hex[byte & 15];
                        }
                        out[2 * head[1]] = '\0';
                        return true;
                }
                if (id > len - name)
                        return false;
                notes += name + id;
                len -= name + id;
        }
        return false;
}

/* The i-th program header's note segment, as far as it lies within the data. */
static bool segment_find(const char *data, size_t len, bool is64, uint64_t header, char out[BUILD_ID_TEXT])
{
        uint64_t offset, size;
        uint32_t type;

        if (is64) {
                Elf64_Phdr p;

                if (header > len || len - header < sizeof(p))
                        return false;
                memcpy(&p, data + header, sizeof(p));
                type = p.p_type;
                offset = p.p_offset;
                size = p.p_filesz;
        } else {
                Elf32_Phdr p;

                if (header > len || len - header < sizeof(p))
                        return false;
                memcpy(&p, data + header, sizeof(p));
                type = p.p_type;
                offset = p.p_offset;
                size = p.p_filesz;
        }
        if (type != PT_NOTE || offset >= len)
                return false;
        if (size > len - offset)
                size = len - offset;
        return notes_find(data + offset, (size_t)size, out);
}

int build_id_parse(const void *data, size_t len, char out[BUILD_ID_TEXT])
{
        const unsigned char *ident = data;
        uint64_t headers;
        unsigned n, size;
        bool is64;

        if (len < sizeof(Elf32_Ehdr) || memcmp(ident, ELFMAG, SELFMAG) != 0)
                return -EINVAL;
        is64 = ident[EI_CLASS] == ELFCLASS64;
        if (is64) {
                Elf64_Ehdr e;

                if (len < sizeof(e))
                        return -EINVAL;
                memcpy(&e, data, sizeof(e));
                headers = e.e_phoff;
                n = e.e_phnum;
                size = e.e_phentsize;
        } else {
                Elf32_Ehdr e;

                memcpy(&e, data, sizeof(e));
                headers = e.e_phoff;
                n = e.e_phnum;
                size = e.e_phentsize;
        }
        if (headers >= len || size == 0)
                return -ENOENT;
        for (unsigned i = 0; i < n && headers + (uint64_t)i * size < len; i++)
                if (segment_find(data, len, is64, headers + (uint64_t)i * size, out))
                        return 0;
        return -ENOENT;
}
