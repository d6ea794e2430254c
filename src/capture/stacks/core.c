/* SPDX-License-Identifier: MIT */
#include "capture/stacks/core.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks/core_notes.h"

/* The memory that was copied, from wherever, sorted and without overlaps. */
struct regions {
        struct memory_run *runs;
        size_t n, size;
};

static int regions_add(struct regions *r, struct memory_run run)
{
        if (r->n == r->size) {
                size_t size = r->size ? 2 * r->size : 256;
                struct memory_run *runs = realloc(r->runs, size * sizeof(*runs));

                if (!runs)
                        return -ENOMEM;
                r->runs = runs;
                r->size = size;
        }
        r->runs[r->n++] = run;
        return 0;
}

static void regions_done(struct regions *r)
{
        free(r->runs);
}

static int by_address(const void *a, const void *b)
{
        const struct memory_run *x = a, *y = b;

        if (x->address != y->address)
                return x->address < y->address ? -1 : 1;
        return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

/* Stacks in one mapping (goroutines') may overlap each other and the linker's pages; all were copied whole.
 * */
static void cut_overlaps(struct regions *r)
{
        uint64_t end = 0;
        size_t kept = 0;

        for (size_t i = 0; i < r->n; i++) {
                struct memory_run run = r->runs[i];
                size_t known = run.address < end ? end - run.address : 0;

                if (known >= run.bytes)
                        continue;
                run.address += known;
                run.data += known;
                run.bytes -= known;
                r->runs[kept++] = run;
                end = run.address + run.bytes;
        }
        r->n = kept;
}

static int regions_collect(const struct core *c, struct regions *r)
{
        const struct pages *p = c->pages;
        struct memory_run run;

        for (size_t i = 0; i < c->n_threads; i++)
                for (unsigned bit = 0; stacks_run_next(c->stacks, i, &bit, &run);)
                        if (regions_add(r, run) < 0)
                                return -ENOMEM;
        if (c->more.bytes > 0 && regions_add(r, c->more) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < p->n; i++) {
                run = (struct memory_run){p->addresses[i], p->page_size, p->data + i * p->page_size};
                if (regions_add(r, run) < 0)
                        return -ENOMEM;
        }
        if (r->n > 0)
                qsort(r->runs, r->n, sizeof(*r->runs), by_address);
        cut_overlaps(r);
        return 0;
}

static uint32_t segment_flags(const struct core *c, uint64_t address)
{
        const struct map_range *m = map_index_find(c->map_index, address);
        uint32_t flags = 0;

        if (!m)
                return PF_R | PF_W;
        flags |= m->flags & MAP_IS_READ ? PF_R : 0;
        flags |= m->flags & MAP_IS_WRITE ? PF_W : 0;
        flags |= m->flags & MAP_IS_EXEC ? PF_X : 0;
        return flags;
}

/* Where everything stands in the file. */
struct layout {
        size_t n_headers; /* program headers: the notes' and one per region */
        bool many;        /* their number does not fit e_phnum */
        uint64_t notes, notes_size, memory;
};

static struct layout layout_of(const struct core *c, const struct regions *r)
{
        struct layout l = {.n_headers = r->n + 1, .notes_size = core_notes_size(c)};
        uint64_t page = c->pages->page_size;

        l.many = l.n_headers >= PN_XNUM;
        l.notes = sizeof(Elf64_Ehdr) + l.n_headers * sizeof(Elf64_Phdr) + (l.many ? sizeof(Elf64_Shdr) : 0);
        l.memory = (l.notes + l.notes_size + page - 1) / page * page;
        return l;
}

static void headers_write(const struct core *c, const struct regions *r, const struct layout *l, core_put put,
                          void *arg)
{
        Elf64_Ehdr head = {
                .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                .e_type = ET_CORE,
                .e_machine = c->stacks->arch->e_machine,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(head),
                .e_ehsize = sizeof(head),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = (Elf64_Half)(l->many ? PN_XNUM : l->n_headers),
        };
        Elf64_Phdr notes = {.p_type = PT_NOTE, .p_offset = l->notes, .p_filesz = l->notes_size, .p_align = 4};
        uint64_t offset = l->memory;

        if (l->many) {
                head.e_shoff = sizeof(head) + l->n_headers * sizeof(Elf64_Phdr);
                head.e_shentsize = sizeof(Elf64_Shdr);
                head.e_shnum = 1;
        }
        put(arg, &head, sizeof(head));
        put(arg, &notes, sizeof(notes));
        for (size_t i = 0; i < r->n; i++) {
                Elf64_Phdr load = {
                        .p_type = PT_LOAD,
                        .p_flags = segment_flags(c, r->runs[i].address),
                        .p_offset = offset,
                        .p_vaddr = r->runs[i].address,
                        .p_filesz = r->runs[i].bytes,
                        .p_memsz = r->runs[i].bytes,
                        .p_align = c->pages->page_size,
                };

                put(arg, &load, sizeof(load));
                offset += r->runs[i].bytes;
        }
        if (l->many) {
                Elf64_Shdr section = {.sh_type = SHT_NULL, .sh_info = (Elf64_Word)l->n_headers};

                put(arg, &section, sizeof(section));
        }
}

static void pad(uint64_t n, core_put put, void *arg)
{
        static const char zeros[512];

        for (; n > 0; n -= n < sizeof(zeros) ? n : sizeof(zeros))
                put(arg, zeros, n < sizeof(zeros) ? n : sizeof(zeros));
}

int core_write(const struct core *c, core_put put, void *arg)
{
        _cleanup_(regions_done) struct regions r = {0};
        struct layout l;

        if (regions_collect(c, &r) < 0)
                return -ENOMEM;
        l = layout_of(c, &r);
        headers_write(c, &r, &l, put, arg);
        core_notes_write(c, put, arg);
        pad(l.memory - l.notes - l.notes_size, put, arg);
        for (size_t i = 0; i < r.n; i++)
                put(arg, r.runs[i].data, r.runs[i].bytes);
        return 0;
}
