/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/symbols/file_note.h"
#include "analysis/symbols/module_file.h"
#include "tests/unit/core_image.h"

/* The first page of a shared library: headers, one PT_LOAD for each of two segments, a build ID. */
struct page {
        Elf64_Ehdr e;
        Elf64_Phdr p[3];
        Elf64_Nhdr note;
        char name[4];
        uint8_t id[4];
};

static struct page library_page(uint64_t first_vaddr)
{
        return (struct page){
                .e = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                      .e_type = ET_DYN,
                      .e_machine = EM_X86_64,
                      .e_phoff = offsetof(struct page, p),
                      .e_phentsize = sizeof(Elf64_Phdr),
                      .e_phnum = 3},
                .p = {{.p_type = PT_LOAD,
                       .p_offset = 0,
                       .p_vaddr = first_vaddr,
                       .p_filesz = 0x1000,
                       .p_align = 4096},
                      {.p_type = PT_LOAD,
                       .p_offset = 0x1000,
                       .p_vaddr = first_vaddr + 0x2000,
                       .p_filesz = 0x3000,
                       .p_align = 4096},
                      {.p_type = PT_NOTE,
                       .p_offset = offsetof(struct page, note),
                       .p_vaddr = first_vaddr + offsetof(struct page, note),
                       .p_filesz = 20}},
                .note = {.n_namesz = 4, .n_descsz = 4, .n_type = NT_GNU_BUILD_ID},
                .name = "GNU",
                .id = {0xab, 0xcd, 0x01, 0x23},
        };
}

static const char text[] = "10000000-10001000 r--p 00000000 fe:01 77 /opt/my lib.so (deleted)\n"
                           "10002000-10005000 r-xp 00001000 fe:01 77 /opt/my lib.so (deleted)\n"
                           "10005000-10006000 rw-p 00000000 00:00 0 \n"
                           "20000000-20001000 r--p 00000000 fe:01 77 /opt/my lib.so (deleted)\n"
                           "20002000-20005000 r-xp 00001000 fe:01 77 /opt/my lib.so (deleted)\n"
                           "30000000-30010000 rwxp 00000000 00:00 0 \n"
                           "nonsense\n"
                           "40000000-40002000 r-xp 00003000 fe:01 78 /opt/no headers\n"
                           "7ffff7fc0000-7ffff7fc2000 r-xp 00000000 00:00 0 [vdso]\n";

Test(modules, mappings_of_one_file_are_one_module_and_a_second_load_of_it_is_another)
{
        _cleanup_core_image_ struct core_image image = CORE_IMAGE(&arch_x86_64);
        _cleanup_core_ struct core core = {0};
        _cleanup_(pool_free) struct pool pool = {0};
        const struct page page = library_page(0x400);
        const struct module_range *first, *second, *jit, *bare;
        struct modules m;

        core_image_memory(&image, 0x10000000, &page, sizeof(page));
        core_image_memory(&image, 0x20000000, &page, sizeof(page));
        cr_assert_eq(core_parse(core_image_finish(&image), &core), 0);
        cr_assert_eq(modules_parse(text, strlen(text), &core, &pool, &m), 0);
        cr_assert_eq(m.n_modules, 4);
        first = modules_find(&m, 0x10002000);
        second = modules_find(&m, 0x20004fff);
        jit = modules_find(&m, 0x30000001);
        bare = modules_find(&m, 0x40000000);
        cr_assert(first && second && jit && bare);
        cr_expect_null(modules_find(&m, 0x10000000), "not executable");
        cr_expect_null(modules_find(&m, 0x10005000));
        cr_assert(first->module && second->module && first->module != second->module);
        cr_expect_str_eq(first->module->path, "/opt/my lib.so (deleted)");
        cr_expect_str_eq(first->module->build_id, "abcd0123");
        cr_expect_eq(first->module->bias, 0x10000000 - 0x400, "p_vaddr of the first segment is not 0");
        cr_expect_eq(second->module->bias, 0x20000000 - 0x400);
        cr_expect_null(jit->module);
        cr_expect_not(bare->module->has_bias);
        cr_expect_null(bare->module->build_id);
}

Test(modules, the_bias_of_a_file_mapped_in_part_comes_from_the_segment_that_was_mapped)
{
        struct module m = {.start = 0x40000000, .end = 0x40002000, .map_offset = 0x3000};
        const struct page page = library_page(0);

        cr_assert(module_bias_from(&m, page.p, 3));
        cr_expect_eq(m.bias, 0x40000000 - 0x4000);
        m.map_offset = 0x9000;
        m.has_bias = false;
        cr_expect_not(module_bias_from(&m, page.p, 3));
}

Test(modules, the_note_of_the_core_does_where_maps_is_lost)
{
        const uint64_t head[] = {2, 4096, 0x10000000, 0x10001000, 0, 0x10002000, 0x10005000, 1};
        _cleanup_buf_ struct buf note = BUF_GROWING(4096), maps = BUF_GROWING(4096);

        buf_add(&note, head, sizeof(head));
        buf_add(&note, "/opt/new\nline.so\0/opt/b", 24);
        file_note_to_maps((const uint8_t *)note.data, note.len, &maps);
        cr_expect_str_eq(maps.data, "10000000-10001000 r-xp 0 00:00 1 /opt/new\\012line.so\n"
                                    "10002000-10005000 r-xp 1000 00:00 1 /opt/b\n");
        /* Cut anywhere, it gives whole lines or nothing. */
        for (size_t n = 0; n < note.len; n++) {
                buf_reset(&maps);
                file_note_to_maps((const uint8_t *)note.data, n, &maps);
                cr_expect(maps.len == 0 || maps.data[maps.len - 1] == '\n', "%zu", n);
        }
}

Test(modules, the_table_of_handed_files)
{
        static const char table[] = "14 fe:0 11034596\nbad line\n15 103:2f 332835\n16 fe:0";
        _cleanup_(pool_free) struct pool pool = {0};
        const struct binary *rows;
        size_t n;

        cr_assert_eq(binaries_parse(table, strlen(table), &pool, &rows, &n), 0);
        cr_assert_eq(n, 2, "the last line is not whole");
        cr_expect_eq(rows[0].fd, 14);
        cr_expect_eq(rows[0].dev_major, 0xfe);
        cr_expect_eq(rows[0].inode, 11034596);
        cr_expect_eq(rows[1].dev_major, 0x103);
        cr_expect_eq(rows[1].dev_minor, 0x2f);
}
