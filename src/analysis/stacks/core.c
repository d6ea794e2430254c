/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/core.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In all; a million threads' notes.  More is no honest core. */
#define NOTES_MAX (UINT64_C(512) << 20)
/* Twice as many as a process may have mappings and threads, by the kernel's largest settings in use. */
#define PHDRS_MAX (UINT64_C(4) << 20)

struct core_notes { /* one PT_NOTE's bytes */
        struct core_notes *next;
        uint8_t bytes[];
};

struct core_window {
        uint64_t start; /* address of the first byte */
        size_t n;
        uint8_t bytes[CORE_WINDOW];
};

bool core_read_file(void *data, uint64_t offset, void *out, size_t n)
{
        int fd = *(int *)data;
        char *to = out;

        while (n > 0) {
                ssize_t got = pread(fd, to, n, (off_t)offset);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return false;
                to += got;
                offset += (uint64_t)got;
                n -= (size_t)got;
        }
        return true;
}

bool core_read_bytes(void *data, uint64_t offset, void *out, size_t n)
{
        memcpy(out, (const char *)data + offset, n);
        return true;
}

static bool get(const struct core_source *s, uint64_t offset, void *out, size_t n)
{
        return offset <= s->size && n <= s->size - offset && s->read(s->data, offset, out, n);
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

static int parse_notes(struct core *c, const uint8_t *bytes, uint64_t size)
{
        uint64_t at = 0;

        while (size - at >= sizeof(Elf64_Nhdr)) {
                const uint8_t *name = bytes + at + sizeof(Elf64_Nhdr);
                Elf64_Nhdr note;
                uint64_t desc;
                int r = 0;

                memcpy(&note, bytes + at, sizeof(note));
                desc = at + sizeof(note) + pad4(note.n_namesz);
                if (desc > size || note.n_descsz > size - desc) {
                        c->cut = true;
                        return 0;
                }
                if (note.n_namesz == 5 && memcmp(name, "CORE", 5) == 0) {
                        if (note.n_type == NT_PRSTATUS) {
                                r = add_thread(c, bytes + desc, note.n_descsz);
                        } else if (note.n_type == NT_FILE) {
                                c->file_note = bytes + desc;
                                c->file_note_size = note.n_descsz;
                        }
                }
                if (r < 0)
                        return r;
                at = desc + pad4(note.n_descsz);
                if (at > size)
                        return 0;
        }
        return 0;
}

/* How many of the n bytes at the file's `offset` are there. */
static uint64_t clip(struct core *c, uint64_t offset, uint64_t n)
{
        uint64_t there = offset < c->source.size ? c->source.size - offset : 0;

        if (n <= there)
                return n;
        c->cut = true;
        return there;
}

static int add_notes(struct core *c, const Elf64_Phdr *p)
{
        uint64_t n = clip(c, p->p_offset, p->p_filesz);
        struct core_notes *notes;

        if (n == 0 || n > NOTES_MAX - c->notes_size)
                return 0;
        c->notes_size += n;
        notes = malloc(sizeof(*notes) + n);
        if (!notes)
                return -ENOMEM;
        notes->next = c->notes;
        c->notes = notes;
        return get(&c->source, p->p_offset, notes->bytes, n) ? parse_notes(c, notes->bytes, n) : 0;
}

static int add_load(struct core *c, const Elf64_Phdr *p)
{
        uint64_t n = clip(c, p->p_offset, p->p_filesz < p->p_memsz ? p->p_filesz : p->p_memsz);
        int r;

        if (n == 0 || n > UINT64_MAX - p->p_vaddr)
                return 0;
        r = grow(&c->loads, c->n_loads, sizeof(*c->loads));
        if (r < 0)
                return r;
        c->loads[c->n_loads++] = (struct core_load){p->p_vaddr, p->p_vaddr + n, p->p_offset};
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
                struct core_load l = c->loads[n], *before = kept ? &c->loads[kept - 1] : NULL;

                if (before && l.end <= before->end)
                        continue;
                if (before && l.start < before->end) {
                        l.offset += before->end - l.start;
                        l.start = before->end;
                }
                if (before && l.start == before->end &&
                    l.offset == before->offset + (l.start - before->start))
                        before->end = l.end;
                else
                        c->loads[kept++] = l;
        }
        c->n_loads = kept;
}

static uint64_t count_phdrs(const struct core_source *source, const Elf64_Ehdr *e)
{
        Elf64_Shdr s;

        if (e->e_phnum != PN_XNUM)
                return e->e_phnum;
        return get(source, e->e_shoff, &s, sizeof(s)) ? s.sh_info : 0;
}

static int add_phdr(struct core *c, const Elf64_Phdr *p)
{
        if (p->p_type == PT_NOTE)
                return add_notes(c, p);
        return p->p_type == PT_LOAD ? add_load(c, p) : 0;
}

static int parse_phdrs(struct core *c, const Elf64_Ehdr *e)
{
        uint64_t left = count_phdrs(&c->source, e), at = e->e_phoff;
        int r = 0;

        if (left > PHDRS_MAX)
                left = PHDRS_MAX;
        while (left > 0 && r == 0) {
                Elf64_Phdr some[64];
                size_t n = left < ARRAY_SIZE(some) ? left : ARRAY_SIZE(some);

                n = clip(c, at, n * sizeof(*some)) / sizeof(*some);
                if (n == 0 || !get(&c->source, at, some, n * sizeof(*some)))
                        break;
                for (size_t i = 0; i < n && r == 0; i++)
                        r = add_phdr(c, &some[i]);
                left -= n;
                at += n * sizeof(*some);
        }
        return r;
}

int core_parse(const struct core_source *source, struct core *ret)
{
        Elf64_Ehdr e;
        int r;

        *ret = (struct core){.source = *source};
        if (!get(source, 0, &e, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
            e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_type != ET_CORE ||
            e.e_phentsize != sizeof(Elf64_Phdr))
                return -EINVAL;
        ret->arch = arch_by_machine(e.e_machine);
        if (!ret->arch)
                return -EINVAL;
        ret->window = malloc(sizeof(*ret->window));
        if (!ret->window)
                return -ENOMEM;
        ret->window->start = ret->window->n = 0;
        r = parse_phdrs(ret, &e);
        sort_loads(ret);
        return r;
}

void core_done(struct core *c)
{
        while (c->notes) {
                struct core_notes *notes = c->notes;

                c->notes = notes->next;
                free(notes);
        }
        free(c->threads);
        free(c->loads);
        free(c->window);
        *c = (struct core){0};
}

static const struct core_load *load_at(const struct core *c, uint64_t address)
{
        size_t low = 0, high = c->n_loads;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (c->loads[middle].end <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < c->n_loads && c->loads[low].start <= address ? &c->loads[low] : NULL;
}

/* Move the window to the page of `address`; stacks are read upwards from there. */
static bool window_move(const struct core *c, uint64_t address, size_t n)
{
        const struct core_load *l = load_at(c, address);
        struct core_window *w = c->window;
        uint64_t start = address & ~UINT64_C(4095), size;

        if (!l)
                return false;
        if (start < l->start)
                start = l->start;
        size = l->end - start < CORE_WINDOW ? l->end - start : CORE_WINDOW;
        if (address - start > size || n > size - (address - start))
                return false;
        w->start = start;
        w->n = get(&c->source, l->offset + (start - l->start), w->bytes, size) ? size : 0;
        return w->n > 0;
}

const uint8_t *core_memory(const struct core *c, uint64_t address, size_t n)
{
        const struct core_window *w = c->window;
        bool inside =
                w && address >= w->start && address - w->start <= w->n && n <= w->n - (address - w->start);

        if (!inside && (!w || !window_move(c, address, n)))
                return NULL;
        return w->bytes + (address - w->start);
}

uint64_t core_available(const struct core *c, uint64_t address)
{
        const struct core_load *l = load_at(c, address);

        return l ? l->end - address : 0;
}
