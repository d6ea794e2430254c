/* SPDX-License-Identifier: MIT */
#include "base/elf_brief.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* An executable has some 40 sections and 15 segments; a linker that keeps each function apart may make more. */
#define SECTIONS_MAX 512
#define SEGMENTS_MAX 64
#define NAME_MAX_LEN 24

static int read_at(int fd, void *out, size_t n, uint64_t offset)
{
        ssize_t got = offset <= INT64_MAX ? pread(fd, out, n, (off_t)offset) : 0;

        if (got < 0)
                return -errno;
        return (size_t)got == n ? 0 : -EINVAL;
}

static void read_segments(int fd, const Elf64_Ehdr *e, struct elf_brief *b)
{
        for (unsigned i = 0; i < e->e_phnum && i < SEGMENTS_MAX; i++) {
                char linker[64] = "";
                Elf64_Phdr p;

                if (read_at(fd, &p, sizeof(p), e->e_phoff + i * sizeof(p)) < 0)
                        return;
                if (p.p_type != PT_INTERP)
                        continue;
                b->dynamic = true;
                if (p.p_filesz < sizeof(linker) && read_at(fd, linker, p.p_filesz, p.p_offset) == 0)
                        b->musl = strstr(linker, "/ld-musl-") != NULL;
        }
}

static void read_sections(int fd, const Elf64_Ehdr *e, struct elf_brief *b)
{
        const struct {
                const char *name;
                bool *found;
        } names[] = {{".symtab", &b->symbols},
                     {".gnu_debugdata", &b->mini},
                     {".debug_info", &b->debug_info},
                     {".zdebug_info", &b->debug_info},
                     {".go.buildinfo", &b->go}};
        Elf64_Shdr strings, s;

        if (e->e_shstrndx >= e->e_shnum ||
            read_at(fd, &strings, sizeof(strings), e->e_shoff + e->e_shstrndx * sizeof(strings)) < 0)
                return;
        for (unsigned i = 0; i < e->e_shnum && i < SECTIONS_MAX; i++) {
                char name[NAME_MAX_LEN] = "";

                if (read_at(fd, &s, sizeof(s), e->e_shoff + i * sizeof(s)) < 0)
                        return;
                if (s.sh_name >= strings.sh_size || s.sh_type == SHT_NOBITS ||
                    pread(fd, name, sizeof(name) - 1, (off_t)(strings.sh_offset + s.sh_name)) <= 0)
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(names); k++)
                        if (strcmp(name, names[k].name) == 0)
                                *names[k].found = true;
        }
}

int elf_brief_read(int fd, struct elf_brief *ret)
{
        static const uint16_t probe = 1;
        unsigned char data = *(const unsigned char *)&probe ? ELFDATA2LSB : ELFDATA2MSB;
        struct elf_brief b = {0};
        Elf64_Ehdr e;
        int r = read_at(fd, &e, sizeof(e), 0);

        if (r < 0)
                return r;
        if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
            e.e_ident[EI_DATA] != data)
                return -EINVAL;
        if (e.e_phentsize == sizeof(Elf64_Phdr))
                read_segments(fd, &e, &b);
        if (e.e_shentsize == sizeof(Elf64_Shdr))
                read_sections(fd, &e, &b);
        *ret = b;
        return 0;
}
