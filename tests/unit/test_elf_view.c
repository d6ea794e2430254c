/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis/symbols/elf_view.h"
#include "base/cleanup.h"

/* A file with one compressed section that says what it inflates to, and whose bytes could be that many. */
static bool info_is_seen(uint64_t inflated_size)
{
        static const char names[] = "\0.debug_info\0.shstrtab";
        static const char *const wanted[] = {"info", NULL};
        const uint64_t at = sizeof(Elf64_Ehdr), bytes = 4 << 20, names_at = at + bytes,
                       table_at = names_at + 32;
        const Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                                 .e_type = ET_DYN,
                                 .e_machine = EM_X86_64,
                                 .e_version = EV_CURRENT,
                                 .e_shoff = table_at,
                                 .e_ehsize = sizeof(head),
                                 .e_shentsize = sizeof(Elf64_Shdr),
                                 .e_shnum = 3,
                                 .e_shstrndx = 2};
        const Elf64_Shdr sections[3] = {{.sh_type = SHT_NULL},
                                        {.sh_name = 1,
                                         .sh_type = SHT_PROGBITS,
                                         .sh_flags = SHF_COMPRESSED,
                                         .sh_offset = at,
                                         .sh_size = bytes,
                                         .sh_addralign = 8},
                                        {.sh_name = 13,
                                         .sh_type = SHT_STRTAB,
                                         .sh_offset = names_at,
                                         .sh_size = sizeof(names),
                                         .sh_addralign = 1}};
        const Elf64_Chdr compressed = {ELFCOMPRESS_ZLIB, 0, inflated_size, 1};
        int fd = memfd_create("elf", MFD_CLOEXEC);
        struct elf_view v;
        bool seen;

        elf_version(EV_CURRENT);
        cr_assert_eq(pwrite(fd, &head, sizeof(head), 0), (ssize_t)sizeof(head));
        cr_assert_eq(pwrite(fd, &compressed, sizeof(compressed), (off_t)at), (ssize_t)sizeof(compressed));
        cr_assert_eq(pwrite(fd, names, sizeof(names), (off_t)names_at), (ssize_t)sizeof(names));
        cr_assert_eq(pwrite(fd, sections, sizeof(sections), (off_t)table_at), (ssize_t)sizeof(sections));
        v = elf_view_open(fd, wanted);
        cr_assert_not_null(v.elf);
        seen = elf_has_debug(v.elf, "info");
        elf_view_close(&v);
        close(fd);
        return seen;
}

Test(elf_view, a_section_that_would_fill_the_memory_is_hidden)
{
        cr_expect(info_is_seen(1 << 20));
        cr_expect_not(info_is_seen(UINT64_C(3) << 30));
        cr_expect_not(info_is_seen(UINT64_MAX));
}
