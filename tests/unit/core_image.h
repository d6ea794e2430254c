/* SPDX-License-Identifier: MIT */
/* core_image - build a small core in memory, for tests of what reads one. */
#ifndef SWANSONG_TESTS_CORE_IMAGE_H
#define SWANSONG_TESTS_CORE_IMAGE_H

#include <elf.h>
#include <string.h>

#include "analysis/stacks/core.h"
#include "base/buf.h"

#define CORE_IMAGE_LOADS 64

struct core_image {
        const struct arch *arch;
        struct buf notes, memory;
        struct core_image_load {
                uint64_t address, size, offset; /* offset: into memory */
        } loads[CORE_IMAGE_LOADS];
        size_t n_loads;
        struct buf file; /* the finished image */
        struct core_source source;
};

#define CORE_IMAGE(arch_)                                                                                    \
        {                                                                                                    \
                .arch = (arch_), .notes = BUF_GROWING(1u << 24), .memory = BUF_GROWING(1u << 24),            \
                .file = BUF_GROWING(1u << 25)                                                                \
        }

static inline void core_image_note(struct core_image *c, uint32_t type, const void *desc, uint32_t size)
{
        const Elf64_Nhdr head = {.n_namesz = 5, .n_descsz = size, .n_type = type};

        buf_add(&c->notes, &head, sizeof(head));
        buf_add(&c->notes, "CORE\0\0\0", 8);
        buf_add(&c->notes, desc, size);
        buf_add(&c->notes, "\0\0\0", -size & 3);
}

/* regs: values by their offset in the general register set, ended by an offset of UINT16_MAX. */
struct core_image_reg {
        uint16_t offset;
        uint64_t value;
};

static inline void core_image_thread(struct core_image *c, int32_t tid, const struct core_image_reg *regs)
{
        char status[1024] = {0};

        memcpy(status + c->arch->prstatus_pid, &tid, sizeof(tid));
        for (; regs->offset != UINT16_MAX; regs++)
                memcpy(status + c->arch->prstatus_reg + regs->offset, &regs->value, sizeof(regs->value));
        core_image_note(c, NT_PRSTATUS, status, c->arch->prstatus_size);
}

static inline void core_image_memory(struct core_image *c, uint64_t address, const void *bytes, size_t n)
{
        c->loads[c->n_loads++] = (struct core_image_load){address, n, c->memory.len};
        buf_add(&c->memory, bytes, n);
}

/* The finished file's source; valid as long as the image. */
static inline const struct core_source *core_image_finish(struct core_image *c)
{
        const size_t head = sizeof(Elf64_Ehdr) + (1 + c->n_loads) * sizeof(Elf64_Phdr);
        const Elf64_Ehdr e = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                              .e_type = ET_CORE,
                              .e_machine = c->arch->e_machine,
                              .e_version = EV_CURRENT,
                              .e_phoff = sizeof(Elf64_Ehdr),
                              .e_phentsize = sizeof(Elf64_Phdr),
                              .e_phnum = (Elf64_Half)(1 + c->n_loads)};
        const Elf64_Phdr notes = {.p_type = PT_NOTE, .p_offset = head, .p_filesz = c->notes.len};

        buf_reset(&c->file);
        buf_add(&c->file, &e, sizeof(e));
        buf_add(&c->file, &notes, sizeof(notes));
        for (size_t i = 0; i < c->n_loads; i++) {
                const Elf64_Phdr p = {.p_type = PT_LOAD,
                                      .p_offset = head + c->notes.len + c->loads[i].offset,
                                      .p_vaddr = c->loads[i].address,
                                      .p_filesz = c->loads[i].size,
                                      .p_memsz = c->loads[i].size};

                buf_add(&c->file, &p, sizeof(p));
        }
        buf_add(&c->file, c->notes.data, c->notes.len);
        buf_add(&c->file, c->memory.data, c->memory.len);
        c->source = (struct core_source){core_read_bytes, c->file.data, c->file.len};
        return &c->source;
}

static inline void core_image_done(struct core_image *c)
{
        buf_done(&c->notes);
        buf_done(&c->memory);
        buf_done(&c->file);
}

#define _cleanup_core_image_ _cleanup_(core_image_done)

#endif
