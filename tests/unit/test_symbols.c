/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/symbols/symbols.h"

Test(symbols, names_are_shown_without_what_tools_append)
{
        static const struct {
                const char *raw, *shown;
        } cases[] = {
                {"main", "main"},
                {"poll@@GLIBC_2.2.5", "poll"},
                {"pthread_cond_wait@GLIBC_2.2.5", "pthread_cond_wait"},
                {"do_work.constprop.0", "do_work"},
                {"do_work.isra.12.cold", "do_work"},
                {"do_work.part.0.constprop.3", "do_work"},
                {"do_work.lto_priv.0", "do_work"},
                {"_GLOBAL__sub_I_main.llvm.1234567890", "_GLOBAL__sub_I_main"},
                {"runtime.futex.abi0", "runtime.futex"},
                {"main.main.func1", "main.main.func1"},
                {"static_variable.5", "static_variable.5"}, /* a number alone says nothing about copies */
                {".cold", ".cold"},
                {"@", "@"},
                {"", ""},
                {"_ZN4shop5IndexISsiE4findERKSsi", "shop::Index<std::string, int>::find"},
                {"_ZN4shop5totalEi.part.0", "shop::total"},
                {"_ZNK3foo3barEv", "foo::bar"},
                {"_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc",
                 "std::operator<< <std::char_traits<char> >"},
                {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
                {"_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example"},
                {"_Znonsense", "_Znonsense"},
        };
        _cleanup_(pool_free) struct pool pool = {0};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect_str_eq(symbol_display_name(cases[i].raw, &pool), cases[i].shown, "%s: %s",
                                 cases[i].raw, symbol_display_name(cases[i].raw, &pool));
}

/* A table in a file of its own, because what is tested is which of several names is taken. */
struct symbol {
        const char *name;
        uint64_t value, size;
        unsigned char info;
};

#define FUNC(bind) ELF64_ST_INFO(bind, STT_FUNC)
#define LABEL      ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE)

static const struct symbol table[] = {
        {"__poll", 0x1000, 0x20, FUNC(STB_GLOBAL)},
        {"poll", 0x1000, 0x20, FUNC(STB_WEAK)},
        {"__GI___poll", 0x1000, 0x20, FUNC(STB_LOCAL)},
        {"outer", 0x1100, 0x100, FUNC(STB_GLOBAL)},
        {"inner", 0x1140, 0x10, FUNC(STB_GLOBAL)},
        {"label", 0x1120, 0, LABEL},
        {"a_variable", 0x1300, 0x10, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)},
        {"entry", 0x1400, 0, LABEL},
        {"$x", 0x1404, 0, LABEL},
        {".L7", 0x1408, 0, LABEL},
        {"elsewhere", 0x1800, 0x10, FUNC(STB_GLOBAL)},
        {"behind", 0x1810, 0, LABEL},
};

enum { TEXT = 0x1000, TEXT_SIZE = 0x800, OTHER = 0x1800, OTHER_SIZE = 0x100 };

static void add_section(Elf *elf, uint32_t name, uint32_t type, uint64_t flags, uint64_t address,
                        uint64_t size, uint32_t link, uint64_t entry, void *bytes)
{
        Elf_Scn *section = elf_newscn(elf);
        Elf64_Shdr *s = elf64_getshdr(section);
        Elf_Data *data = elf_newdata(section);

        data->d_buf = bytes;
        data->d_size = size;
        data->d_type = type == SHT_SYMTAB ? ELF_T_SYM : ELF_T_BYTE;
        data->d_align = 8;
        s->sh_name = name;
        s->sh_type = type;
        s->sh_flags = flags;
        s->sh_addr = address;
        s->sh_link = link;
        s->sh_entsize = entry;
}

/* Into an unlinked file; its fd. */
static int write_library(void)
{
        static char names[1024] = "\0.text\0.plt\0.symtab\0.strtab";
        static char code[TEXT_SIZE], other[OTHER_SIZE];
        static Elf64_Sym symbols[ARRAY_SIZE(table) + 1];
        size_t used = 32;
        char path[] = "/tmp/swansong-symbols-XXXXXX";
        int fd = mkstemp(path);
        Elf *elf;
        Elf64_Ehdr *e;

        unlink(path);
        elf_version(EV_CURRENT);
        elf = elf_begin(fd, ELF_C_WRITE, NULL);
        e = elf64_newehdr(elf);
        memcpy(e->e_ident, (unsigned char[]){0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB}, 6);
        e->e_machine = EM_X86_64;
        e->e_type = ET_DYN;
        e->e_version = EV_CURRENT;
        e->e_shstrndx = 4;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                symbols[i + 1] = (Elf64_Sym){.st_name = (Elf64_Word)used,
                                             .st_value = table[i].value,
                                             .st_size = table[i].size,
                                             .st_info = table[i].info,
                                             .st_shndx = table[i].value >= OTHER ? 2 : 1};
                strcpy(names + used, table[i].name);
                used += strlen(table[i].name) + 1;
        }
        add_section(elf, 1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT, TEXT_SIZE, 0, 0, code);
        add_section(elf, 7, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, OTHER, OTHER_SIZE, 0, 0, other);
        add_section(elf, 12, SHT_SYMTAB, 0, 0, sizeof(symbols), 4, sizeof(*symbols), symbols);
        add_section(elf, 20, SHT_STRTAB, 0, 0, sizeof(names), 0, 0, names);
        cr_assert_gt(elf_update(elf, ELF_C_WRITE), 0, "%s", elf_errmsg(-1));
        elf_end(elf);
        return fd;
}

Test(symbols, which_of_several_names_is_gdbs_choice)
{
        static const struct {
                uint64_t address;
                const char *name, *why;
        } cases[] = {
                {0x0fff, NULL, "below all of them"},
                {0x1000, "poll", "the last in the order of strcmp"},
                {0x101f, "poll", "its last byte"},
                {0x1020, NULL, "behind it"},
                {0x1110, "outer", "plain"},
                {0x1120, "outer", "a label does not end a function"},
                {0x1145, "inner", "the nearest that reaches over it"},
                {0x1150, "outer", "behind the inner one"},
                {0x1305, NULL, "a variable is no function"},
                {0x1400, "entry", "a label, where nothing better is"},
                {0x1450, "entry", "neither mapping symbols nor local labels"},
                {0x1805, "elsewhere", "plain"},
                {0x1820, "behind", "in its section"},
        };
        enum { N = ARRAY_SIZE(cases) };
        struct module_file file = {.fd = write_library(), .fd_ours = true, .has_symtab = true};
        struct module m = {.path = "/x", .file = &file, .has_bias = true};
        const struct module_finder finder = {0};
        struct symbol_query queries[N] = {{0}};

        file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
        for (size_t i = 0; i < N; i++)
                queries[i].address = cases[i].address;
        cr_assert_eq(symbols_find(&finder, &m, queries, N), 0);
        for (size_t i = 0; i < N; i++)
                if (cases[i].name)
                        cr_expect(queries[i].name && strcmp(queries[i].name, cases[i].name) == 0,
                                  "%#lx: %s: %s", (unsigned long)cases[i].address, cases[i].why,
                                  queries[i].name);
                else
                        cr_expect_null(queries[i].name, "%#lx: %s: %s", (unsigned long)cases[i].address,
                                       cases[i].why, queries[i].name);
        module_file_close(&m);
}
