/* SPDX-License-Identifier: MIT */
#include "census/dynsym.h"

#include <elf.h>
#include <string.h>

#include "base/cleanup.h"

#define SEGMENTS_MAX 64
#define DYNAMIC_MAX  256
#define CHAIN_MAX    65536
#define NAME_MAX_    128

struct tables {
        uint64_t base, symbols, strings, hash;
};

static bool get(const struct remote_memory *m, uint64_t address, void *to, size_t n)
{
        return remote_read(m, address, to, n) == n;
}

/* The loader writes addresses over the file's offsets, but not everywhere. */
static uint64_t absolute(uint64_t base, uint64_t value)
{
        return value < base ? base + value : value;
}

static bool tables_get(const struct remote_memory *m, uint64_t base, struct tables *ret)
{
        Elf64_Phdr segments[SEGMENTS_MAX];
        Elf64_Ehdr header;
        uint64_t dynamic = 0, bias = base;

        if (!get(m, base, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(*segments) ||
            header.e_phnum > SEGMENTS_MAX ||
            !get(m, base + header.e_phoff, segments, header.e_phnum * sizeof(*segments)))
                return false;
        for (unsigned i = 0; i < header.e_phnum; i++)
                if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0)
                        bias = base - segments[i].p_vaddr;
        for (unsigned i = 0; i < header.e_phnum; i++)
                if (segments[i].p_type == PT_DYNAMIC)
                        dynamic = bias + segments[i].p_vaddr;
        *ret = (struct tables){.base = bias};
        for (unsigned i = 0; dynamic && i < DYNAMIC_MAX; i++) {
                Elf64_Dyn d;

                if (!get(m, dynamic + i * sizeof(d), &d, sizeof(d)) || d.d_tag == DT_NULL)
                        break;
                if (d.d_tag == DT_SYMTAB)
                        ret->symbols = absolute(bias, d.d_un.d_ptr);
                else if (d.d_tag == DT_STRTAB)
                        ret->strings = absolute(bias, d.d_un.d_ptr);
                else if (d.d_tag == DT_GNU_HASH)
                        ret->hash = absolute(bias, d.d_un.d_ptr);
        }
        return ret->symbols && ret->strings && ret->hash;
}

static uint32_t gnu_hash(const char *name)
{
        uint32_t h = 5381;

        for (; *name; name++)
                h = h * 33 + (unsigned char)*name;
        return h;
}

static bool has_name(const struct remote_memory *m, uint64_t at, const char *name)
{
        char text[NAME_MAX_];
        size_t n = strlen(name) + 1;

        return n <= sizeof(text) && get(m, at, text, n) && memcmp(text, name, n) == 0;
}

uint64_t dynsym_find(const struct remote_memory *m, uint64_t base, const char *name)
{
        struct {
                uint32_t buckets, first, bloom_words, shift;
        } head;
        uint32_t hash = gnu_hash(name), i, link;
        uint64_t buckets, chain;
        struct tables t;

        if (!tables_get(m, base, &t) || !get(m, t.hash, &head, sizeof(head)) || head.buckets == 0)
                return 0;
        buckets = t.hash + sizeof(head) + head.bloom_words * UINT64_C(8);
        chain = buckets + head.buckets * UINT64_C(4);
        if (!get(m, buckets + hash % head.buckets * UINT64_C(4), &i, sizeof(i)) || i < head.first)
                return 0;
        for (unsigned steps = 0; steps < CHAIN_MAX; steps++, i++) {
                Elf64_Sym s;

                if (!get(m, chain + (i - head.first) * UINT64_C(4), &link, sizeof(link)))
                        return 0;
                if ((link | 1) == (hash | 1) && get(m, t.symbols + i * sizeof(s), &s, sizeof(s)) &&
                    s.st_shndx != SHN_UNDEF && has_name(m, t.strings + s.st_name, name))
                        return t.base + s.st_value;
                if (link & 1)
                        return 0;
        }
        return 0;
}
