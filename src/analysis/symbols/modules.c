/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/modules.h"

#include <errno.h>
#include <string.h>

#include "base/build_id.h"
#include "base/maps_line.h"

/* An honest file has a dozen; headers must lie in the one page of the file that the core has. */
#define PHDRS_MAX 64

struct building {
        struct modules *out;
        struct pool *pool;
        size_t room_modules, room_ranges;
        size_t *of_range; /* index of the module, SIZE_MAX: none; the array of modules moves while it grows */
        size_t room_of_range;
};

bool module_bias_from(struct module *m, const Elf64_Phdr *phdrs, size_t n)
{
        /* 64 KiB pages (aarch64) are the largest that the file may have been mapped by. */
        for (size_t i = 0; i < n; i++) {
                const Elf64_Phdr *p = &phdrs[i];
                uint64_t align = p->p_align > 1 && p->p_align <= 65536 ? p->p_align : 4096;
                uint64_t first = p->p_offset & ~(align - 1);

                if (p->p_type != PT_LOAD || m->map_offset < first ||
                    m->map_offset - first >= p->p_filesz + align)
                        continue;
                m->bias = m->start - m->map_offset + p->p_offset - p->p_vaddr;
                m->has_bias = true;
                return true;
        }
        return false;
}

/* What the module's first page, if the core has it, says about it.  0 or -ENOMEM. */
static int read_headers(struct module *m, const struct core *core, struct pool *pool)
{
        uint64_t there = core_available(core, m->start);
        size_t n = there < CORE_WINDOW / 2 ? there : CORE_WINDOW / 2;
        const uint8_t *page = core_memory(core, m->start, n);
        Elf64_Phdr phdrs[PHDRS_MAX];
        char build_id[BUILD_ID_TEXT];
        Elf64_Ehdr e;

        if (!page || n < sizeof(e) || m->map_offset != 0)
                return 0;
        memcpy(&e, page, sizeof(e));
        if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
            e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != core->arch->e_machine ||
            (e.e_type != ET_EXEC && e.e_type != ET_DYN) || e.e_phentsize != sizeof(*phdrs) ||
            e.e_phnum > PHDRS_MAX || e.e_phoff > n || e.e_phnum * sizeof(*phdrs) > n - e.e_phoff)
                return 0;
        memcpy(phdrs, page + e.e_phoff, e.e_phnum * sizeof(*phdrs));
        m->has_headers = module_bias_from(m, phdrs, e.e_phnum);
        if (!m->has_headers || build_id_parse(page, n, build_id) < 0)
                return 0;
        m->build_id = pool_strdup(pool, build_id);
        return m->build_id ? 0 : -ENOMEM;
}

/* Does this line go on with the module of the lines before it? */
static bool continues(const struct module *m, const struct maps_line *l)
{
        return l->offset > m->map_offset && l->inode == m->inode && l->dev_major == m->dev_major &&
               l->dev_minor == m->dev_minor && strlen(m->path) == l->path_len &&
               memcmp(m->path, l->path, l->path_len) == 0;
}

static int module_add(struct building *b, const struct maps_line *l)
{
        struct modules *out = b->out;
        struct module *m;

        out->modules = pool_grow(b->pool, out->modules, out->n_modules, out->n_modules + 1, &b->room_modules,
                                 sizeof(*out->modules));
        if (!out->modules)
                return -ENOMEM;
        m = &out->modules[out->n_modules];
        *m = (struct module){.path = pool_strndup(b->pool, l->path, l->path_len),
                             .start = l->start,
                             .end = l->end,
                             .map_offset = l->offset,
                             .dev_major = l->dev_major,
                             .dev_minor = l->dev_minor,
                             .inode = l->inode};
        if (!m->path)
                return -ENOMEM;
        out->n_modules++;
        return 0;
}

static int range_add(struct building *b, const struct maps_line *l, size_t module)
{
        struct modules *out = b->out;
        size_t n = out->n_ranges;

        /* The kernel's text is by address; a forged one need not be. */
        if (n > 0 && l->start < out->ranges[n - 1].end)
                return 0;
        out->ranges = pool_grow(b->pool, out->ranges, n, n + 1, &b->room_ranges, sizeof(*out->ranges));
        b->of_range = pool_grow(b->pool, b->of_range, n, n + 1, &b->room_of_range, sizeof(*b->of_range));
        if (!out->ranges || !b->of_range)
                return -ENOMEM;
        out->ranges[n] = (struct module_range){l->start, l->end, NULL};
        b->of_range[n] = module;
        out->n_ranges++;
        return 0;
}

static int line_add(struct building *b, const struct maps_line *l)
{
        struct modules *out = b->out;
        bool named = l->path && (l->inode != 0 || maps_line_is(l, "[vdso]"));
        size_t module = SIZE_MAX;

        if (named) {
                if (out->n_modules == 0 || !continues(&out->modules[out->n_modules - 1], l)) {
                        int r = module_add(b, l);

                        if (r < 0)
                                return r;
                }
                module = out->n_modules - 1;
                out->modules[module].end = l->end;
        }
        return l->perms[2] == 'x' ? range_add(b, l, module) : 0;
}

int modules_parse(const char *maps, size_t len, const struct core *core, struct pool *pool,
                  struct modules *ret)
{
        struct building b = {.out = ret, .pool = pool};
        const char *end = maps + len;

        *ret = (struct modules){.core = core};
        while (maps < end) {
                struct maps_line l;
                int r = maps_line_parse(maps, (size_t)(end - maps), &l, &maps);

                if (r == 0)
                        r = line_add(&b, &l);
                else if (r == -EINVAL)
                        r = 0;
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ret->n_modules; i++)
                if (read_headers(&ret->modules[i], core, pool) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < ret->n_ranges; i++)
                ret->ranges[i].module = b.of_range[i] == SIZE_MAX ? NULL : &ret->modules[b.of_range[i]];
        return 0;
}

const struct module_range *modules_find(const struct modules *m, uint64_t pc)
{
        size_t low = 0, high = m->n_ranges;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (m->ranges[middle].end <= pc)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < m->n_ranges && m->ranges[low].start <= pc ? &m->ranges[low] : NULL;
}
