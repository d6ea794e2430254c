/* SPDX-License-Identifier: MIT */
#include "agent_so/modules/elf_image.h"

#include <string.h>

#if defined(__x86_64__)
enum { CALL_SLOT = R_X86_64_JUMP_SLOT, DATA_SLOT = R_X86_64_GLOB_DAT, POINTER = R_X86_64_64 };
#elif defined(__aarch64__)
enum { CALL_SLOT = R_AARCH64_JUMP_SLOT, DATA_SLOT = R_AARCH64_GLOB_DAT, POINTER = R_AARCH64_ABS64 };
#else
#error "which relocations are calls on this machine?"
#endif

bool elf_image_holds(const struct elf_image *image, uintptr_t address, size_t n, unsigned permissions)
{
        for (size_t i = 0; i < image->n_headers; i++) {
                const ElfW(Phdr) *p = &image->headers[i];
                uintptr_t from = image->bias + p->p_vaddr;

                if (p->p_type == PT_LOAD && (p->p_flags & permissions) == permissions && n <= p->p_memsz &&
                    address - from <= p->p_memsz - n)
                        return true;
        }
        return false;
}

/* A pointer of the dynamic section: with the bias, as the loader leaves it, or without; 0 when it points nowhere. */
static uintptr_t pointer(const struct elf_image *image, uintptr_t value, size_t n)
{
        if (elf_image_holds(image, value, n, PF_R))
                return value;
        return elf_image_holds(image, image->bias + value, n, PF_R) ? image->bias + value : 0;
}

struct dynamic {
        uintptr_t symtab, strtab, gnu_hash, jmprel, rela;
        size_t strsz, pltrelsz, relasz, relacount;
        uint64_t pltrel;
};

static bool read_dynamic(const struct elf_image *image, const ElfW(Phdr) * header, struct dynamic *ret)
{
        uintptr_t at = image->bias + header->p_vaddr;
        size_t n = header->p_memsz / sizeof(ElfW(Dyn));

        if (at % _Alignof(ElfW(Dyn)) != 0 || !elf_image_holds(image, at, header->p_memsz, PF_R))
                return false;
        for (const ElfW(Dyn) *d = (const ElfW(Dyn) *)at; n > 0 && d->d_tag != DT_NULL; d++, n--) {
                switch (d->d_tag) {
                case DT_SYMTAB:
                        ret->symtab = d->d_un.d_ptr;
                        break;
                case DT_STRTAB:
                        ret->strtab = d->d_un.d_ptr;
                        break;
                case DT_STRSZ:
                        ret->strsz = d->d_un.d_val;
                        break;
                case DT_GNU_HASH:
                        ret->gnu_hash = d->d_un.d_ptr;
                        break;
                case DT_JMPREL:
                        ret->jmprel = d->d_un.d_ptr;
                        break;
                case DT_PLTRELSZ:
                        ret->pltrelsz = d->d_un.d_val;
                        break;
                case DT_PLTREL:
                        ret->pltrel = d->d_un.d_val;
                        break;
                case DT_RELA:
                        ret->rela = d->d_un.d_ptr;
                        break;
                case DT_RELASZ:
                        ret->relasz = d->d_un.d_val;
                        break;
                case DT_RELACOUNT:
                        ret->relacount = d->d_un.d_val;
                        break;
                default:
                        break;
                }
        }
        return true;
}

bool elf_image_open(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers, size_t page_size,
                    struct elf_image *ret)
{
        struct elf_image image = {.bias = bias, .headers = headers, .n_headers = n_headers};
        struct dynamic d = {0};
        bool found = false;

        for (size_t i = 0; i < n_headers; i++) {
                uintptr_t from = bias + headers[i].p_vaddr;

                if (headers[i].p_type == PT_DYNAMIC) {
                        found = read_dynamic(&image, &headers[i], &d);
                } else if (headers[i].p_type == PT_GNU_RELRO) {
                        /* As _dl_protect_relro() rounds. */
                        image.relro_from = from & ~(page_size - 1);
                        image.relro_to = (from + headers[i].p_memsz) & ~(page_size - 1);
                }
        }
        if (!found)
                return false;
        image.symbols = pointer(&image, d.symtab, sizeof(ElfW(Sym)));
        image.strings = pointer(&image, d.strtab, d.strsz);
        image.strings_size = image.strings ? d.strsz : 0;
        image.gnu_hash = pointer(&image, d.gnu_hash, 4 * sizeof(uint32_t));
        if (d.pltrel == DT_RELA) {
                image.calls.first = pointer(&image, d.jmprel, d.pltrelsz);
                image.calls.n = image.calls.first ? d.pltrelsz / sizeof(ElfW(Rela)) : 0;
        }
        image.data.first = pointer(&image, d.rela, d.relasz);
        image.data.n = image.data.first ? d.relasz / sizeof(ElfW(Rela)) : 0;
        if (d.relacount > image.data.n)
                d.relacount = image.data.n;
        image.data.first += d.relacount * sizeof(ElfW(Rela));
        image.data.n -= d.relacount;
        if ((image.symbols | image.calls.first | image.data.first) % sizeof(uint64_t) != 0 ||
            image.gnu_hash % sizeof(uint64_t) != 0)
                return false;
        *ret = image;
        return true;
}

static void visit_table(const struct elf_image *image, const ElfW(Rela) * r, size_t n,
                        void (*visit)(const struct elf_slot *slot, void *arg), void *arg)
{
        for (; n > 0; n--, r++) {
                uint32_t type = (uint32_t)ELF64_R_TYPE(r->r_info);
                uintptr_t address = image->bias + r->r_offset;

                if (type != CALL_SLOT && (r->r_addend != 0 || (type != DATA_SLOT && type != POINTER)))
                        continue;
                if (address % sizeof(uintptr_t) != 0 ||
                    !elf_image_holds(image, address, sizeof(uintptr_t), PF_R | PF_W))
                        continue;
                visit(&(struct elf_slot){.word = (uintptr_t *)address,
                                         .kind = type == CALL_SLOT ? ELF_SLOT_CALL : ELF_SLOT_POINTER,
                                         .symbol = (uint32_t)ELF64_R_SYM(r->r_info),
                                         .in_relro =
                                                 address >= image->relro_from && address < image->relro_to},
                      arg);
        }
}

void elf_image_slots(const struct elf_image *image, void (*visit)(const struct elf_slot *slot, void *arg),
                     void *arg)
{
        visit_table(image, (const ElfW(Rela) *)image->calls.first, image->calls.n, visit, arg);
        visit_table(image, (const ElfW(Rela) *)image->data.first, image->data.n, visit, arg);
}

static const ElfW(Sym) * symbol_at(const struct elf_image *image, uint32_t symbol)
{
        uintptr_t at = image->symbols + symbol * sizeof(ElfW(Sym));

        return image->symbols && elf_image_holds(image, at, sizeof(ElfW(Sym)), PF_R) ? (const ElfW(Sym) *)at
                                                                                     : NULL;
}

const char *elf_image_symbol(const struct elf_image *image, uint32_t symbol)
{
        const ElfW(Sym) *s = symbol_at(image, symbol);
        const char *name;

        if (!s || s->st_name >= image->strings_size)
                return NULL;
        name = (const char *)image->strings + s->st_name;
        return memchr(name, '\0', image->strings_size - s->st_name) ? name : NULL;
}

bool elf_image_imports(const struct elf_image *image, uint32_t symbol)
{
        const ElfW(Sym) *s = symbol_at(image, symbol);

        return s && s->st_shndx == SHN_UNDEF;
}

static uint32_t gnu_hash(const char *name)
{
        uint32_t h = 5381;

        for (; *name; name++)
                h = h * 33 + (uint8_t)*name;
        return h;
}

/* The word `index` of an array in the file; 0 where it ends. */
static uint32_t word_at(const struct elf_image *image, uintptr_t array, uint64_t index)
{
        uintptr_t at = array + index * sizeof(uint32_t);

        return elf_image_holds(image, at, sizeof(uint32_t), PF_R) ? *(const uint32_t *)at : 0;
}

/* DT_GNU_HASH: number of buckets, first symbol, words of the Bloom filter, its shift; the filter; the buckets; the hashes of
 * the symbols from the first one on, each chain's last with bit 0 set. */
uintptr_t elf_image_find(const struct elf_image *image, const char *name)
{
        uint32_t hash = gnu_hash(name), n_buckets, first, n_bloom, symbol;
        uintptr_t buckets, hashes;

        if (!image->gnu_hash)
                return 0;
        n_buckets = word_at(image, image->gnu_hash, 0);
        first = word_at(image, image->gnu_hash, 1);
        n_bloom = word_at(image, image->gnu_hash, 2);
        if (n_buckets == 0)
                return 0;
        buckets = image->gnu_hash + 4 * sizeof(uint32_t) + (uint64_t)n_bloom * sizeof(uint64_t);
        hashes = buckets + (uint64_t)n_buckets * sizeof(uint32_t);
        symbol = word_at(image, buckets, hash % n_buckets);
        if (symbol < first || symbol == 0)
                return 0;
        for (uint32_t value = 0; !(value & 1); symbol++) {
                const ElfW(Sym) *s = symbol_at(image, symbol);
                const char *found;

                if (!s || !elf_image_holds(image, hashes + (uint64_t)(symbol - first) * sizeof(uint32_t),
                                           sizeof(uint32_t), PF_R))
                        return 0;
                value = word_at(image, hashes, symbol - first);
                if ((value | 1) != (hash | 1) || s->st_shndx == SHN_UNDEF)
                        continue;
                found = elf_image_symbol(image, symbol);
                if (found && strcmp(found, name) == 0)
                        return image->bias + s->st_value;
        }
        return 0;
}
