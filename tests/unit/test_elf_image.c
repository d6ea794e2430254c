/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_so/modules/elf_image.h"

/* Look at the file that holds an address, as the agent does. */
struct wanted {
        const void *address;
        struct elf_image image;
        bool found;
};

static int open_one(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct wanted *w = arg;

        (void)size;
        if (elf_image_open(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, (size_t)sysconf(_SC_PAGESIZE),
                           &w->image) &&
            elf_image_holds(&w->image, (uintptr_t)w->address, 1, PF_R)) {
                w->found = true;
                return 1;
        }
        return 0;
}

static struct elf_image image_of(const void *address)
{
        struct wanted w = {.address = address};

        dl_iterate_phdr(open_one, &w);
        cr_assert(w.found);
        return w.image;
}

Test(elf_image, finds_what_a_library_defines)
{
        static const char *const names[] = {"malloc", "free", "mmap", "_exit", "strtoul"};
        /* A sanitizer has some of these, too. */
        void *loaded = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
        struct elf_image libc = image_of(dlsym(loaded, "malloc_usable_size"));

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                cr_expect_eq((void *)elf_image_find(&libc, names[i]), dlsym(loaded, names[i]), "%s", names[i]);
        cr_expect_eq(elf_image_find(&libc, "no_such_function_anywhere"), 0);
        cr_expect_eq(elf_image_find(&libc, ""), 0);
        dlclose(loaded);
}

static void *(*volatile through_a_table)(size_t) = malloc;

struct seen {
        const struct elf_image *image;
        unsigned slots, mallocs;
};

static void see(const struct elf_slot *slot, void *arg)
{
        struct seen *s = arg;
        const char *name = elf_image_symbol(s->image, slot->symbol);

        s->slots++;
        cr_assert(elf_image_holds(s->image, (uintptr_t)slot->word, sizeof(*slot->word), PF_R | PF_W));
        s->mallocs += name && strcmp(name, "malloc") == 0;
}

Test(elf_image, visits_the_words_through_which_malloc_is_called)
{
        struct elf_image self = image_of((void *)&through_a_table);
        struct seen s = {.image = &self};

        free(through_a_table(1));
        elf_image_slots(&self, see, &s);
        cr_expect_gt(s.slots, 10);
        cr_expect_gt(s.mallocs, 0);
}

/* --- a file made by hand, which the rest forges --- */

struct file {
        ElfW(Dyn) dynamic[12];
        ElfW(Rela) calls[2], data[3];
        ElfW(Sym) symbols[3];
        uint32_t hash[4 + 2 + 1 + 2]; /* head, filter, one bucket, two hashes */
        char strings[24];
        uintptr_t words[5];
};

static struct file file __attribute__((aligned(64)));
static ElfW(Phdr) headers[3];

#define AT(member) (offsetof(struct file, member))

static void make(void)
{
        size_t d = 0;

        memset(&file, 0, sizeof(file));
        headers[0] = (ElfW(Phdr)){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_memsz = sizeof(file)};
        headers[1] =
                (ElfW(Phdr)){.p_type = PT_DYNAMIC, .p_vaddr = AT(dynamic), .p_memsz = sizeof(file.dynamic)};
        headers[2] = (ElfW(Phdr)){.p_type = PT_NULL};
        memcpy(file.strings, "\0malloc\0mine", 13);
        file.symbols[1] = (ElfW(Sym)){.st_name = 1};
        file.symbols[2] = (ElfW(Sym)){.st_name = 8, .st_shndx = 1, .st_value = AT(words)};
        for (size_t i = 0; i < 2; i++)
                file.calls[i] =
                        (ElfW(Rela)){.r_offset = AT(words[i]), .r_info = ELF64_R_INFO(1, R_X86_64_JUMP_SLOT)};
        file.data[0] = (ElfW(Rela)){.r_offset = AT(words[2]), .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE)};
        file.data[1] = (ElfW(Rela)){.r_offset = AT(words[3]), .r_info = ELF64_R_INFO(1, R_X86_64_GLOB_DAT)};
        file.data[2] = (ElfW(Rela)){.r_offset = AT(words[4]), .r_info = ELF64_R_INFO(1, R_X86_64_64)};
        file.hash[0] = 1; /* bucket */
        file.hash[1] = 1; /* first symbol */
        file.hash[2] = 1; /* word of the filter */
        file.hash[6] = 1; /* the bucket begins with symbol 1 */
        file.hash[7] = 0x11111110;
        file.hash[8] = 0x7c9aa20e | 1; /* "mine" */
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_SYMTAB, .d_un.d_ptr = AT(symbols)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_STRTAB, .d_un.d_ptr = AT(strings)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_STRSZ, .d_un.d_val = sizeof(file.strings)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_GNU_HASH, .d_un.d_ptr = AT(hash)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_JMPREL, .d_un.d_ptr = AT(calls)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_PLTRELSZ, .d_un.d_val = sizeof(file.calls)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_PLTREL, .d_un.d_val = DT_RELA};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_RELA, .d_un.d_ptr = AT(data)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_RELASZ, .d_un.d_val = sizeof(file.data)};
        file.dynamic[d++] = (ElfW(Dyn)){.d_tag = DT_RELACOUNT, .d_un.d_val = 1};
}

static bool open_file(struct elf_image *ret)
{
        return elf_image_open((uintptr_t)&file, headers, 3, 4096, ret);
}

static unsigned count_slots(void)
{
        struct elf_image image;
        struct seen s = {.image = &image};

        if (!open_file(&image))
                return 0;
        elf_image_slots(&image, see, &s);
        return s.slots;
}

#if defined(__x86_64__)
Test(elf_image, takes_calls_and_pointers_and_nothing_else)
{
        make();
        cr_expect_eq(count_slots(), 4);
}

Test(elf_image, pointers_of_the_dynamic_section_may_have_the_bias_already)
{
        struct elf_image image;

        make();
        for (size_t i = 0; file.dynamic[i].d_tag; i++)
                if (file.dynamic[i].d_tag == DT_JMPREL || file.dynamic[i].d_tag == DT_STRTAB)
                        file.dynamic[i].d_un.d_ptr += (uintptr_t)&file;
        cr_assert(open_file(&image));
        cr_expect_eq(count_slots(), 4);
        cr_expect_str_eq(elf_image_symbol(&image, 1), "malloc");
        cr_expect(elf_image_imports(&image, 1));
        cr_expect_not(elf_image_imports(&image, 2));
}

Test(elf_image, a_forged_table_leads_nowhere_else)
{
        struct elf_image image;

        make();
        file.calls[0].r_offset = sizeof(file) - 4; /* half of the word is outside */
        file.calls[1].r_offset = AT(words[1]) + 1;
        cr_expect_eq(count_slots(), 2);
        make();
        file.dynamic[5].d_un.d_val = sizeof(file) * 2; /* DT_PLTRELSZ */
        cr_expect_eq(count_slots(), 2);
        make();
        file.dynamic[9].d_un.d_val = UINT64_MAX; /* DT_RELACOUNT */
        cr_expect_eq(count_slots(), 2);
        make();
        headers[0].p_flags = PF_R;
        cr_expect_eq(count_slots(), 0);
        make();
        file.dynamic[4].d_un.d_ptr++; /* DT_JMPREL */
        cr_expect_not(open_file(&image));
        make();
        file.symbols[1].st_name = sizeof(file.strings);
        cr_assert(open_file(&image));
        cr_expect_null(elf_image_symbol(&image, 1));
        cr_expect_null(elf_image_symbol(&image, UINT32_MAX));
        memset(file.strings, 'x', sizeof(file.strings));
        cr_expect_null(elf_image_symbol(&image, 2));
}

Test(elf_image, a_forged_hash_table_ends)
{
        struct elf_image image;

        make();
        cr_assert(open_file(&image));
        cr_expect_eq(elf_image_find(&image, "mine"), (uintptr_t)&file.words);
        file.hash[0] = 0;
        cr_expect_eq(elf_image_find(&image, "mine"), 0);
        make();
        file.hash[0] = UINT32_MAX;
        file.hash[2] = UINT32_MAX;
        cr_expect_eq(elf_image_find(&image, "mine"), 0);
        make();
        file.hash[8] = 0x22222220; /* the chain has no end */
        cr_expect_eq(elf_image_find(&image, "mine"), 0);
}

Test(elf_image, relro_ends_at_a_page)
{
        struct elf_image image;

        make();
        headers[2] = (ElfW(Phdr)){.p_type = PT_GNU_RELRO, .p_vaddr = 0x1000, .p_memsz = 0x2f00};
        cr_assert(open_file(&image));
        cr_expect_eq(image.relro_from % 4096 + image.relro_to % 4096, 0);
        cr_expect_leq(image.relro_to, (uintptr_t)&file + 0x3f00);
        cr_expect_leq(image.relro_from, (uintptr_t)&file + 0x1000);
}
#endif
