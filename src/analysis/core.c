/* SPDX-License-Identifier: MIT */
#include "analysis/core.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct image {
        const uint8_t *data;
        size_t size;
};

static bool inside(const struct image *i, uint64_t offset, uint64_t n)
{
        return offset <= i->size && n <= i->size - offset;
}

/* Copy a structure out of the file: nothing in it need be aligned. */
static bool get(const struct image *i, uint64_t offset, void *out, size_t n)
{
        if (!inside(i, offset, n))
                return false;
        memcpy(out, i->data + offset, n);
        return true;
}

/* Room for one more element of an array of n. */
static int grow(void *array, size_t n, size_t element)
{
        void **memory = array, *more;

        if (n > 0 && (n < 16 || (n & (n - 1)) != 0))
                return 0;
        more = reallocarray(*memory, n < 16 ? 16 : 2 * n, element);
        if (!more)
                return -ENOMEM;
        *memory = more;
        return 0;
}

static int add_thread(struct core *c, const uint8_t *desc, size_t size)
{
        int32_t tid;
        int r;

        if (size < c->arch->prstatus_size)
                return 0;
        memcpy(&tid, desc + c->arch->prstatus_pid, sizeof(tid));
        r = grow(&c->threads, c->n_threads, sizeof(*c->threads));
        if (r < 0)
                return r;
        c->threads[c->n_threads++] = (struct core_thread){tid, desc + c->arch->prstatus_reg};
        return 0;
}

/* Notes are padded to 4 bytes in cores, whatever the class (the kernel's fs/binfmt_elf.c). */
static uint64_t pad4(uint64_t n)
{
        return (n + 3) & ~UINT64_C(3);
}

static int parse_notes(struct core *c, const struct image *i, uint64_t at, uint64_t size)
{
        uint64_t end;

        if (at > i->size)
                at = i->size;
        if (size > i->size - at) {
                size = i->size - at;
                c->cut = true;
        }
        end = at + size;
        while (end - at >= sizeof(Elf64_Nhdr)) {
                Elf64_Nhdr note;
                uint64_t desc;
                int r = 0;

                get(i, at, &note, sizeof(note));
                desc = at + sizeof(note) + pad4(note.n_namesz);
                if (desc > end || note.n_descsz > end - desc) {
                        c->cut = true;
                        break;
                }
                /* Names: "CORE" for the classic notes. */
                if (note.n_namesz == 5 && memcmp(i->data + at + sizeof(note), "CORE", 5) == 0) {
                        if (note.n_type == NT_PRSTATUS) {
                                r = add_thread(c, i->data + desc, note.n_descsz);
                        } else if (note.n_type == NT_FILE) {
                                c->file_note = i->data + desc;
                                c->file_note_size = note.n_descsz;
                        }
                }
                if (r < 0)
                        return r;
                at = desc + pad4(note.n_descsz);
                if (at > end)
                        break;
        }
        return 0;
}

static int add_load(struct core *c, const struct image *i, const Elf64_Phdr *p)
{
        uint64_t n = p->p_filesz < p->p_memsz ? p->p_filesz : p->p_memsz;
        int r;

        if (n > 0 && (p->p_offset > i->size || n > i->size - p->p_offset)) {
                c->cut = true;
                n = p->p_offset < i->size ? i->size - p->p_offset : 0;
        }
        if (n == 0 || n > UINT64_MAX - p->p_vaddr)
                return 0;
        r = grow(&c->loads, c->n_loads, sizeof(*c->loads));
        if (r < 0)
                return r;
        c->loads[c->n_loads++] = (struct core_load){p->p_vaddr, p->p_vaddr + n, i->data + p->p_offset};
        return 0;
}

static int compare_loads(const void *a, const void *b)
{
        const struct core_load *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* By address; where two of them overlap the first one keeps the bytes, and neighbours become one. */
static void sort_loads(struct core *c)
{
        size_t kept = 0;

        if (c->n_loads > 1)
                qsort(c->loads, c->n_loads, sizeof(*c->loads), compare_loads);
        for (size_t n = 0; n < c->n_loads; n++) {
                struct core_load l = c->loads[n];
                uint64_t taken = kept ? c->loads[kept - 1].end : 0;

                if (l.end <= taken)
                        continue;
                if (l.start < taken) {
                        l.bytes += taken - l.start;
                        l.start = taken;
                }
                if (kept > 0 && l.start == taken &&
                    l.bytes == c->loads[kept - 1].bytes + (taken - c->loads[kept - 1].start))
                        c->loads[kept - 1].end = l.end;
                else
                        c->loads[kept++] = l;
        }
        c->n_loads = kept;
}

static uint64_t count_phdrs(const struct image *i, const Elf64_Ehdr *e)
{
        Elf64_Shdr s;

        if (e->e_phnum != PN_XNUM)
                return e->e_phnum;
        return get(i, e->e_shoff, &s, sizeof(s)) ? s.sh_info : 0;
}

int core_parse(const uint8_t *data, size_t size, struct core *ret)
{
        struct image i = {data, size};
        Elf64_Ehdr e;
        uint64_t n;

        *ret = (struct core){0};
        if (!get(&i, 0, &e, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
            e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_type != ET_CORE ||
            e.e_phentsize != sizeof(Elf64_Phdr))
                return -EINVAL;
        ret->arch = arch_by_machine(e.e_machine);
        if (!ret->arch)
                return -EINVAL;
        n = count_phdrs(&i, &e);
        for (uint64_t k = 0; k < n; k++) {
                Elf64_Phdr p;
                int r = 0;

                if (e.e_phoff > UINT64_MAX - k * sizeof(p) ||
                    !get(&i, e.e_phoff + k * sizeof(p), &p, sizeof(p))) {
                        ret->cut = true;
                        break;
                }
                if (p.p_type == PT_NOTE)
                        r = parse_notes(ret, &i, p.p_offset, p.p_filesz);
                else if (p.p_type == PT_LOAD)
                        r = add_load(ret, &i, &p);
                if (r < 0)
                        return r;
        }
        sort_loads(ret);
        return 0;
}

void core_done(struct core *c)
{
        free(c->threads);
        free(c->loads);
        *c = (struct core){0};
}

static const struct core_load *load_at(const struct core *c, uint64_t address, size_t *hint)
{
        size_t low = 0, high = c->n_loads;

        if (*hint < c->n_loads && address >= c->loads[*hint].start && address < c->loads[*hint].end)
                return &c->loads[*hint];
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (c->loads[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == c->n_loads || c->loads[low].start > address)
                return NULL;
        *hint = low;
        return &c->loads[low];
}

const uint8_t *core_memory(const struct core *c, uint64_t address, size_t n, size_t *hint)
{
        const struct core_load *l = load_at(c, address, hint);

        return l && n <= l->end - address ? l->bytes + (address - l->start) : NULL;
}

size_t core_available(const struct core *c, uint64_t address)
{
        size_t hint = SIZE_MAX;
        const struct core_load *l = load_at(c, address, &hint);

        return l ? l->end - address : 0;
}
