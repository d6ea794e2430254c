/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/build_id.h"
#include "base/cleanup.h"

static const unsigned char id[20] = {0xab, 0x12, 3,  4,  5,  6,  7,  8,  9,  10,
                                     11,   12,   13, 14, 15, 16, 17, 18, 19, 0xff};
#define ID_TEXT                                                                                              \
        "ab1203040506070809"                                                                                 \
        "0a0b0c0d0e0f10111213ff"

static size_t note(char *at, const char *name, uint32_t type, const void *data, uint32_t n)
{
        uint32_t head[3] = {(uint32_t)strlen(name) + 1, n, type};
        size_t name_padded = (head[0] + 3) & ~3u;

        memcpy(at, head, sizeof(head));
        memcpy(at + 12, name, head[0]);
        memcpy(at + 12 + name_padded, data, n);
        return 12 + name_padded + ((n + 3) & ~3u);
}

/* An ELF64 head with two note segments, the build ID behind another note of the second. */
static size_t make_elf64(char out[4096])
{
        Elf64_Ehdr e = {.e_phoff = sizeof(e), .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr)};
        Elf64_Phdr p[2] = {{.p_type = PT_LOAD}, {.p_type = PT_NOTE, .p_offset = 512}};
        size_t n;

        memset(out, 0, 4096);
        memcpy(e.e_ident, ELFMAG, SELFMAG);
        e.e_ident[EI_CLASS] = ELFCLASS64;
        n = note(out + 512, "GNU", NT_GNU_ABI_TAG, "0123456789abcdef", 16);
        n += note(out + 512 + n, "stapsdt", NT_GNU_BUILD_ID, "abc", 3);
        n += note(out + 512 + n, "GNU", NT_GNU_BUILD_ID, id, sizeof(id));
        p[1].p_filesz = n;
        memcpy(out, &e, sizeof(e));
        memcpy(out + sizeof(e), p, sizeof(p));
        return 512 + n;
}

Test(build_id, is_found_among_other_notes)
{
        char elf[4096], text[BUILD_ID_TEXT];

        make_elf64(elf);
        cr_assert_eq(build_id_parse(elf, sizeof(elf), text), 0);
        cr_expect_str_eq(text, ID_TEXT);
}

Test(build_id, of_a_32_bit_file)
{
        char elf[1024] = {0}, text[BUILD_ID_TEXT];
        Elf32_Ehdr e = {.e_phoff = sizeof(e), .e_phnum = 1, .e_phentsize = sizeof(Elf32_Phdr)};
        Elf32_Phdr p = {.p_type = PT_NOTE, .p_offset = 256};

        memcpy(e.e_ident, ELFMAG, SELFMAG);
        e.e_ident[EI_CLASS] = ELFCLASS32;
        p.p_filesz = (Elf32_Word)note(elf + 256, "GNU", NT_GNU_BUILD_ID, id, sizeof(id));
        memcpy(elf, &e, sizeof(e));
        memcpy(elf + sizeof(e), &p, sizeof(p));
        cr_assert_eq(build_id_parse(elf, sizeof(elf), text), 0);
        cr_expect_str_eq(text, ID_TEXT);
}

Test(build_id, of_a_cut_file_is_never_half_an_id)
{
        char elf[4096], text[BUILD_ID_TEXT];
        size_t whole = make_elf64(elf);

        for (size_t n = 0; n < whole; n++) {
                char *exact = malloc(n ? n : 1); /* so that the sanitizer sees one byte too many */

                memcpy(exact, elf, n);
                cr_expect_lt(build_id_parse(exact, n, text), 0, "%zu bytes", n);
                free(exact);
        }
        cr_expect_eq(build_id_parse(elf, whole, text), 0);
}

Test(build_id, any_byte_may_be_wrong)
{
        char elf[4096], text[BUILD_ID_TEXT];
        size_t whole = make_elf64(elf);
        unsigned found = 0;

        for (size_t i = 0; i < whole; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        char *copy = malloc(whole);

                        memcpy(copy, elf, whole);
                        copy[i] ^= (char)(1u << bit);
                        found += build_id_parse(copy, whole, text) == 0;
                        free(copy);
                }
        cr_expect_gt(found, 0u, "a bit in the padding does no harm");
}

Test(build_id, of_this_program_is_what_the_linker_wrote)
{
        char page[4096], text[BUILD_ID_TEXT] = "", command[64], expected[256] = "";
        _cleanup_fd_ int fd = open("/proc/self/exe", O_RDONLY);
        FILE *readelf;

        snprintf(command, sizeof(command), "readelf -n /proc/%d/exe", getpid());
        readelf = popen(command, "r");
        cr_assert_gt(read(fd, page, sizeof(page)), 0);
        while (fscanf(readelf, " Build ID: %255s", expected) != 1 && fscanf(readelf, "%*[^\n]") != EOF)
                ;
        pclose(readelf);
        if (!expected[0])
                cr_skip("built without --build-id");
        cr_assert_eq(build_id_parse(page, sizeof(page), text), 0);
        cr_expect_str_eq(text, expected);
}

Test(build_id, of_no_elf_file_is_refused)
{
        char text[BUILD_ID_TEXT];

        cr_expect_eq(build_id_parse("#!/bin/sh\n", 10, text), -EINVAL);
        cr_expect_eq(build_id_parse("", 0, text), -EINVAL);
}
