/* SPDX-License-Identifier: MIT */
#include "analysis/elf_view.h"

#include <gelf.h>
#include <string.h>

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

Elf *elf_view_open(int fd, const char *const *names)
{
        Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
        Elf_Scn *section = NULL;
        size_t strings;

        if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &strings) < 0) {
                elf_end(elf);
                return NULL;
        }
        while ((section = elf_nextscn(elf, section))) {
                GElf_Shdr s;
                const char *name =
                        gelf_getshdr(section, &s) ? debug_name(section_name(elf, strings, &s)) : NULL;

                if (!name || wanted(name, names))
                        continue;
                s.sh_type = SHT_NOBITS;
                gelf_update_shdr(section, &s);
        }
        return elf;
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
