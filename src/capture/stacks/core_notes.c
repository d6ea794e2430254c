/* SPDX-License-Identifier: MIT */
#include "capture/stacks/core_notes.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>

#include "base/maps_line.h"

#define NOTE_NAME "CORE"

/* What a debugger reads of NT_FILE are the modules; a database with tens of thousands of mapped files is
 * not to make the core large. */
#define FILES_MAX 4096

static size_t padded(size_t n)
{
        return (n + 3) & ~(size_t)3;
}

static size_t note_size(size_t desc)
{
        return sizeof(Elf64_Nhdr) + padded(sizeof(NOTE_NAME)) + padded(desc);
}

static void note_begin(uint32_t type, size_t desc, core_put put, void *arg)
{
        Elf64_Nhdr header = {.n_namesz = sizeof(NOTE_NAME), .n_descsz = (Elf64_Word)desc, .n_type = type};
        char name[(sizeof(NOTE_NAME) + 3) & ~3u] = NOTE_NAME;

        put(arg, &header, sizeof(header));
        put(arg, name, sizeof(name));
}

static void note_pad(size_t desc, core_put put, void *arg)
{
        put(arg, "\0\0\0", padded(desc) - desc);
}

static void note_write(uint32_t type, const void *desc, size_t n, core_put put, void *arg)
{
        note_begin(type, n, put, arg);
        put(arg, desc, n);
        note_pad(n, put, arg);
}

/* The mapped files, read off the text of maps.  With a mask, only those mappings that have all of its
 * flags. */
struct files {
        const struct core *core;
        unsigned mask;
        const char *at;
};

static bool files_next(struct files *f, struct maps_line *ret)
{
        const char *end = f->core->maps->data + f->core->maps->len;

        while (f->at < end)
                if (maps_line_parse(f->at, (size_t)(end - f->at), ret, &f->at) == 0 && ret->inode &&
                    ret->path && (!(f->mask & MAP_IS_EXEC) || ret->perms[2] == 'x'))
                        return true;
        return false;
}

/* "\012" is how the kernel writes a newline in a path. */
static size_t path_write(const struct maps_line *m, core_put put, void *arg)
{
        size_t written = 0;

        for (size_t i = 0; i < m->path_len; written++) {
                bool newline = m->path_len - i >= 4 && memcmp(m->path + i, "\\012", 4) == 0;

                if (put)
                        put(arg, newline ? "\n" : m->path + i, 1);
                i += newline ? 4 : 1;
        }
        if (put)
                put(arg, "", 1);
        return written + 1;
}

struct file_note {
        unsigned mask;
        size_t n, size; /* files; bytes of the note */
};

static struct file_note file_note_measure(const struct core *c)
{
        struct file_note note = {0};

        for (;;) {
                struct files f = {c, note.mask, c->maps->data};
                struct maps_line m;

                note.n = 0;
                note.size = 2 * sizeof(uint64_t);
                while (note.n < FILES_MAX && files_next(&f, &m)) {
                        note.n++;
                        note.size += 3 * sizeof(uint64_t) + path_write(&m, NULL, NULL);
                }
                if (note.n < FILES_MAX || note.mask)
                        return note;
                note.mask = MAP_IS_EXEC;
        }
}

static void file_note_write(const struct core *c, core_put put, void *arg)
{
        struct file_note note = file_note_measure(c);
        uint64_t page = c->pages->page_size, head[2] = {note.n, page};
        struct files f = {c, note.mask, c->maps->data};
        struct maps_line m;

        note_begin(NT_FILE, note.size, put, arg);
        put(arg, head, sizeof(head));
        for (size_t i = 0; i < note.n && files_next(&f, &m); i++) {
                uint64_t entry[3] = {m.start, m.end, m.offset / page};

                put(arg, entry, sizeof(entry));
        }
        f.at = c->maps->data;
        for (size_t i = 0; i < note.n && files_next(&f, &m); i++)
                path_write(&m, put, arg);
        note_pad(note.size, put, arg);
}

static void process_note_write(const struct core *c, core_put put, void *arg)
{
        struct elf_prpsinfo info = {
                .pr_sname = c->target->state,
                .pr_zomb = c->target->state == 'Z',
                .pr_uid = (__typeof__(info.pr_uid))c->target->uid,
                .pr_pid = c->target->pid,
                .pr_ppid = c->target->ppid,
        };
        size_t n = c->cmdline->len < sizeof(info.pr_psargs) ? c->cmdline->len : sizeof(info.pr_psargs) - 1;

        memcpy(info.pr_fname, c->target->comm, strnlen(c->target->comm, sizeof(info.pr_fname) - 1));
        if (n > 0)
                memcpy(info.pr_psargs, c->cmdline->data, n);
        /* Arguments are separated by NULs; here, as the kernel writes it, by blanks. */
        for (size_t i = 0; i + 1 < n; i++)
                if (info.pr_psargs[i] == '\0')
                        info.pr_psargs[i] = ' ';
        note_write(NT_PRPSINFO, &info, sizeof(info), put, arg);
}

static void thread_note_write(const struct core *c, size_t i, core_put put, void *arg)
{
        struct elf_prstatus status = {.pr_pid = c->stacks->threads[i].tid, .pr_ppid = c->target->ppid};

        memcpy(&status.pr_reg, stacks_registers(c->stacks, i), c->stacks->arch->gregs_size);
        note_write(NT_PRSTATUS, &status, sizeof(status), put, arg);
}

uint64_t core_notes_size(const struct core *c)
{
        uint64_t size = note_size(sizeof(struct elf_prpsinfo)) + note_size(c->auxv->len) +
                        note_size(file_note_measure(c).size);

        for (size_t i = 0; i < c->n_threads; i++)
                if (c->stacks->threads[i].how != HOW_NONE)
                        size += note_size(sizeof(struct elf_prstatus));
        return size;
}

void core_notes_write(const struct core *c, core_put put, void *arg)
{
        /* The first thread comes before the process, as in the kernel's own cores: debuggers take the notes
         * behind an NT_PRSTATUS as belonging to it. */
        bool process_written = false;

        for (size_t i = 0; i < c->n_threads; i++) {
                if (c->stacks->threads[i].how == HOW_NONE)
                        continue;
                thread_note_write(c, i, put, arg);
                if (!process_written) {
                        process_note_write(c, put, arg);
                        note_write(NT_AUXV, c->auxv->data, c->auxv->len, put, arg);
                        file_note_write(c, put, arg);
                        process_written = true;
                }
        }
        if (!process_written) {
                process_note_write(c, put, arg);
                note_write(NT_AUXV, c->auxv->data, c->auxv->len, put, arg);
                file_note_write(c, put, arg);
        }
}
