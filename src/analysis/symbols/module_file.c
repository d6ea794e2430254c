/* SPDX-License-Identifier: MIT */
#include "analysis/symbols/module_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "analysis/symbols/elf_view.h"
#include "analysis/symbols/file_open.h"
#include "base/build_id.h"
#include "base/scan.h"

#define DELETED      " (deleted)"
#define NO_SUCH_FILE "the file is not here"

int binaries_parse(const char *text, size_t len, struct pool *pool, const struct binary **ret, size_t *ret_n)
{
        struct scan s = scan_of(text, len);
        struct binary *rows = NULL;
        size_t n = 0, room = 0;

        while (scan_left(&s) > 0) {
                struct scan line;
                uint64_t fd, dev_major, dev_minor, inode;

                if (!scan_until(&s, "\n", &line))
                        break;
                if (!scan_number(&line, &fd) || fd > INT_MAX || !scan_word(&line, " ") ||
                    !scan_hex(&line, &dev_major) || dev_major > UINT32_MAX || !scan_word(&line, ":") ||
                    !scan_hex(&line, &dev_minor) || dev_minor > UINT32_MAX || !scan_word(&line, " ") ||
                    !scan_number(&line, &inode))
                        continue;
                rows = pool_grow(pool, rows, n, n + 1, &room, sizeof(*rows));
                if (!rows)
                        return -ENOMEM;
                rows[n++] = (struct binary){(int)fd, (uint32_t)dev_major, (uint32_t)dev_minor, inode};
        }
        *ret = rows;
        *ret_n = n;
        return 0;
}

bool elf_has_build_id(Elf *elf, const char *build_id)
{
        const void *id;
        ssize_t n = dwelf_elf_gnu_build_id(elf, &id);

        if (n <= 0 || strlen(build_id) != 2 * (size_t)n)
                return false;
        for (ssize_t i = 0; i < n; i++) {
                char hex[3];

                snprintf(hex, sizeof(hex), "%02x", ((const uint8_t *)id)[i]);
                if (memcmp(hex, build_id + 2 * i, 2) != 0)
                        return false;
        }
        return true;
}

/* Is the first page of the file what the target has at the module's start? */
static bool same_first_page(const struct core *core, const struct module *m, Elf *elf)
{
        uint64_t n = core_available(core, m->start);
        const uint8_t *memory;
        const char *file;
        size_t size;

        file = elf_rawfile(elf, &size);
        n = n < 4096 ? n : 4096;
        n = n < size ? n : size;
        memory = core_memory(core, m->start, n);
        return file && memory && n > sizeof(Elf64_Ehdr) && memcmp(file, memory, n) == 0;
}

/* Does the file have these bytes where they were in the target? */
static bool has_code(const struct known_code *code, const struct module *m, Elf *elf)
{
        Elf64_Phdr *phdrs = elf64_getphdr(elf);
        struct module placed = *m;
        const char *file;
        size_t size, n;

        file = elf_rawfile(elf, &size);
        if (!file || !phdrs || elf_getphdrnum(elf, &n) < 0 || !module_bias_from(&placed, phdrs, n))
                return false;
        for (size_t i = 0; i < n; i++) {
                const Elf64_Phdr *p = &phdrs[i];
                uint64_t at = code->address - placed.bias - p->p_vaddr; /* huge when it lies before */

                if (p->p_type != PT_LOAD || at >= p->p_filesz || p->p_filesz - at < code->len)
                        continue;
                return p->p_offset <= size && size - p->p_offset >= at + code->len &&
                       memcmp(file + p->p_offset + at, code->bytes, code->len) == 0;
        }
        return false;
}

/* Is this the file that was mapped?  NULL, or why not. */
static const char *check(const struct module_finder *f, const struct module *m, Elf *elf, bool handed)
{
        const struct core *core = f->core;
        GElf_Ehdr e;

        if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &e) || e.e_machine != core->arch->e_machine ||
            gelf_getclass(elf) != ELFCLASS64)
                return "the file on disk is not an ELF file for this machine";
        if (m->build_id)
                return elf_has_build_id(elf, m->build_id) ? NULL : "the file on disk has another build ID";
        if (handed)
                return NULL;
        if (f->code)
                return has_code(f->code, m, elf) ? NULL : "the file on disk has other code";
        if (!m->has_headers)
                return "nothing proves that the file on disk is the one that was mapped";
        return same_first_page(core, m, elf) ? NULL : "the file on disk is not the one that was mapped";
}

/* Take the open file if it is the right one. */
static bool take(const struct module_finder *f, const struct module *m, struct module_file *file, int fd,
                 bool handed)
{
        Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);

        file->why = elf ? check(f, m, elf, handed) : "the file on disk cannot be read";
        if (file->why) {
                elf_end(elf);
                return false;
        }
        file->elf = elf;
        file->fd = fd;
        return true;
}

static bool take_handed(const struct module_finder *f, const struct module *m, struct module_file *file)
{
        for (size_t i = 0; i < f->n_binaries; i++) {
                const struct binary *b = &f->binaries[i];
                struct stat st;

                if (b->inode == m->inode && b->dev_major == m->dev_major && b->dev_minor == m->dev_minor &&
                    fstat(b->fd, &st) == 0 && S_ISREG(st.st_mode) && take(f, m, file, b->fd, true))
                        return true;
        }
        return false;
}

static bool take_path(const struct module_finder *f, const struct module *m, struct module_file *file)
{
        const char *const roots[] = {f->sysroot, ""};
        const size_t n = strlen(m->path), tail = strlen(DELETED);
        char path[PATH_MAX];

        if (m->path[0] != '/' || n >= sizeof(path))
                return false;
        memcpy(path, m->path, n + 1);
        /* A new file may stand under the old name; check() tells. */
        if (n > tail && strcmp(path + n - tail, DELETED) == 0)
                path[n - tail] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
                const char *why = file->why;
                _cleanup_fd_ int fd = roots[i] ? file_open_regular(roots[i], path) : -ENOENT;

                if (fd < 0)
                        continue;
                if (take(f, m, file, fd, false)) {
                        file->fd_ours = true;
                        take_fd(&fd);
                        return true;
                }
                if (why) /* the sysroot's answer matters more than ours */
                        file->why = why;
        }
        return false;
}

static bool take_fetched(const struct module_finder *f, const struct module *m, struct module_file *file)
{
        const char *why = file->why;
        _cleanup_fd_ int fd = module_fetch(f, m, false);

        if (fd < 0)
                return false;
        file->fd_ours = take(f, m, file, fd, false);
        if (file->fd_ours)
                take_fd(&fd);
        else
                file->why = why;
        return file->fd_ours;
}

/* The kernel's vdso has no file.  Its bytes are in the core, but libelf and libdw are to see no byte that a
 * bundle brings: when they are the same as our own vdso's, as they are under the same kernel, ours is used. */
static bool take_vdso(const struct module_finder *f, const struct module *m, struct module_file *file)
{
        char *own = (char *)getauxval(AT_SYSINFO_EHDR);
        const Elf64_Ehdr *e = (const Elf64_Ehdr *)own;
        /* The section headers come last in it. */
        const size_t size = own ? e->e_shoff + (size_t)e->e_shnum * e->e_shentsize : 0;
        const uint8_t *theirs = size ? core_memory(f->core, m->start, size) : NULL;

        if (theirs && memcmp(own, theirs, size) == 0)
                file->elf = elf_memory(own, size);
        if (!file->elf)
                file->why = "it is that of another kernel than the one running here";
        return file->elf;
}

static void set_bias(struct module *m)
{
        Elf64_Phdr *phdrs = elf64_getphdr(m->file->elf);
        size_t n;

        if (!m->has_bias && phdrs && elf_getphdrnum(m->file->elf, &n) == 0)
                module_bias_from(m, phdrs, n);
}

/* A file that was proved to be the right one says which debug information is its own. */
static int adopt_build_id(const struct module_finder *f, struct module *m)
{
        const uint8_t *id;
        ssize_t n = dwelf_elf_gnu_build_id(m->file->elf, (const void **)&id);
        char hex[BUILD_ID_TEXT];

        if (m->build_id || n <= 0 || n > BUILD_ID_MAX)
                return 0;
        for (ssize_t i = 0; i < n; i++)
                snprintf(hex + 2 * i, 3, "%02x", id[i]);
        m->build_id = pool_strdup(f->pool, hex);
        return m->build_id ? 0 : -ENOMEM;
}

struct module_file *module_file_get(const struct module_finder *f, struct module *m)
{
        struct module_file *file = m->file;

        if (file)
                return file;
        file = m->file = pool_alloc(f->pool, sizeof(*file));
        if (!file)
                return NULL;
        file->fd = file->debug_fd = -1;
        elf_version(EV_CURRENT);
        if (m->path[0] == '[')
                take_vdso(f, m, file);
        else if (!take_handed(f, m, file) && !take_path(f, m, file) && !take_fetched(f, m, file) &&
                 !file->why)
                file->why = NO_SUCH_FILE;
        if (file->elf)
                set_bias(m);
        if (file->elf && f->code && adopt_build_id(f, m) < 0)
                return NULL;
        if (file->elf)
                file->has_symtab = elf_section(file->elf, ".symtab") != NULL;
        if (file->elf && !m->has_bias) {
                file->why = "its load address is not known";
                elf_end(file->elf);
                file->elf = NULL;
        }
        return file;
}

void module_file_close(struct module *m)
{
        struct module_file *file = m->file;

        if (!file)
                return;
        if (file->eh_cfi)
                dwarf_cfi_end(file->eh_cfi);
        dwarf_end(file->frame_dwarf);
        elf_view_close(&file->frame_view);
        elf_end(file->minidebug_elf);
        free(file->minidebug);
        elf_end(file->debug);
        fd_closep(&file->debug_fd);
        elf_end(file->elf);
        if (file->fd_ours)
                fd_closep(&file->fd);
        m->file = NULL;
}
