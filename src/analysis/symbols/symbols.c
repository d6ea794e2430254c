/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/symbols.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

/* What one file's tables say about one query. */
struct candidate {
        const char *name;
        uint64_t value;
        bool found;
};

struct answers {
        bool data; /* variables are wanted, not functions */
        const struct symbol_query *queries;
        size_t n;
        struct candidate *covering; /* reaches over the address */
        struct candidate *sized; /* nearest below, whether it reaches or not; at the first query behind it */
        struct candidate *label; /* nearest below without a size; the same */
};

/* The first query at or above the address. */
static size_t first_from(const struct answers *a, uint64_t address)
{
        size_t low = 0, high = a->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (a->queries[middle].address < address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Nearer is better, and at the same address the later name. */
static void prefer(struct candidate *c, uint64_t value, const char *name)
{
        if (!c->found || value > c->value || (value == c->value && strcmp(name, c->name) > 0))
                *c = (struct candidate){name, value, true};
}

static bool is_wanted(const struct answers *a, const Elf64_Sym *s)
{
        unsigned type = ELF64_ST_TYPE(s->st_info);
        bool code = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;

        return (a->data ? type == STT_OBJECT : code) && s->st_shndx != SHN_UNDEF &&
               (s->st_shndx < SHN_LORESERVE || s->st_shndx == SHN_XINDEX);
}

/* Assemblers' local labels, and the mapping symbols of the ARM ABIs ("$x"). */
static bool is_name(const char *name)
{
        return name && name[0] && name[0] != '$' && strncmp(name, ".L", 2) != 0;
}

static void consider(struct answers *a, Elf *elf, size_t strings, const Elf64_Sym *s)
{
        size_t at = first_from(a, s->st_value);
        const char *name;

        if (s->st_size > 0) {
                if (!a->sized[at].found || a->sized[at].value < s->st_value)
                        a->sized[at] = (struct candidate){"", s->st_value, true};
                /* Most symbols end here: they reach over no query. */
                if (a->queries[at].address - s->st_value >= s->st_size)
                        return;
        }
        name = elf_strptr(elf, strings, s->st_name);
        if (!is_name(name))
                return;
        if (s->st_size == 0)
                prefer(&a->label[at], s->st_value, name);
        for (; at < a->n && a->queries[at].address - s->st_value < s->st_size; at++)
                prefer(&a->covering[at], s->st_value, name);
}

/* What is nearest below one query may also be so for the next. */
static void hand_on(struct answers *a, struct candidate *nearest)
{
        for (size_t i = 1; i < a->n; i++)
                if (nearest[i - 1].found && (!nearest[i].found || nearest[i].value < nearest[i - 1].value))
                        nearest[i] = nearest[i - 1];
}

static bool same_section(Elf *elf, uint64_t a, uint64_t b)
{
        Elf_Scn *section = NULL;
        GElf_Shdr s;

        while ((section = elf_nextscn(elf, section)))
                if (gelf_getshdr(section, &s) && (s.sh_flags & SHF_ALLOC) && a - s.sh_addr < s.sh_size)
                        return b - s.sh_addr < s.sh_size;
        return false;
}

static void scan_tables(Elf *elf, struct answers *a)
{
        Elf_Scn *section = NULL;
        GElf_Shdr shdr;

        while ((section = elf_nextscn(elf, section))) {
                const Elf64_Sym *symbols;
                Elf_Data *data;

                if (!gelf_getshdr(section, &shdr) ||
                    (shdr.sh_type != SHT_SYMTAB && shdr.sh_type != SHT_DYNSYM))
                        continue;
                data = elf_getdata(section, NULL);
                if (!data || data->d_type != ELF_T_SYM)
                        continue;
                symbols = data->d_buf;
                for (size_t i = 0; i < data->d_size / sizeof(*symbols); i++)
                        if (symbols[i].st_value <= a->queries[a->n - 1].address && is_wanted(a, &symbols[i]))
                                consider(a, elf, shdr.sh_link, &symbols[i]);
        }
        hand_on(a, a->sized);
        hand_on(a, a->label);
}

/* The best name of one file for query i, or NULL. */
static const struct candidate *choose(Elf *elf, const struct answers *a, size_t i)
{
        const struct candidate *c = &a->covering[i], *l = &a->label[i], *s = &a->sized[i];

        if (c->found)
                return c;
        if (!l->found || (s->found && s->value >= l->value))
                return NULL;
        return same_section(elf, l->value, a->queries[i].address) ? l : NULL;
}

static int find_in(Elf *elf, bool data, struct symbol_query *queries, size_t n)
{
        _cleanup_free_ struct candidate *memory = calloc(3 * n, sizeof(*memory));
        struct answers a = {data, queries, n, memory, memory + n, memory + 2 * n};

        if (!memory)
                return -ENOMEM;
        scan_tables(elf, &a);
        for (size_t i = 0; i < n; i++) {
                const struct candidate *c = choose(elf, &a, i);

                if (c && (!queries[i].name || c->value > queries[i].value)) {
                        queries[i].name = c->name;
                        queries[i].value = c->value;
                }
        }
        return 0;
}

static int find(const struct module_finder *f, struct module *m, bool data, struct symbol_query *queries,
                size_t n)
{
        struct module_file *file = module_file_get(f, m);
        Elf *more;
        int r;

        if (!file)
                return -ENOMEM;
        if (!file->elf || n == 0)
                return 0;
        r = find_in(file->elf, data, queries, n);
        if (r < 0 || file->has_symtab)
                return r;
        more = module_minidebug(f, m);
        if (more)
                r = find_in(more, data, queries, n);
        more = r == 0 ? module_debug(f, m) : NULL;
        return more ? find_in(more, data, queries, n) : r;
}

int symbols_find(const struct module_finder *f, struct module *m, struct symbol_query *queries, size_t n)
{
        return find(f, m, false, queries, n);
}

int symbols_find_data(const struct module_finder *f, struct module *m, struct symbol_query *queries, size_t n)
{
        return find(f, m, true, queries, n);
}
