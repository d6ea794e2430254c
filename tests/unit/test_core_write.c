/* SPDX-License-Identifier: MIT */
#include "capture/stacks/core.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

#define PAGE 4096ul

static const char maps_text[] =
        "00400000-00401000 r-xp 00000000 fe:00 11                         /bin/my app\\012x (deleted)\n"
        "7f0000000000-7f0004000000 rw-p 00000000 00:00 0\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                  [stack]\n";

static void put(void *arg, const void *data, size_t n)
{
        buf_add(arg, data, n);
}

/* They outlive fixture_make(). */
static char auxv_bytes[16] = {3}, cmdline_bytes[] = "my app\0-v";

struct fixture {
        struct target target;
        struct buf maps, auxv, cmdline;
        struct map_index index;
        struct pages pages;
        struct stacks stacks;
        struct core core;
        struct buf out;
};

/* n threads, each with one page of stack at start(i). */
static void fixture_make(struct fixture *f, size_t n, uint64_t (*start)(size_t i))
{
        *f = (struct fixture){
                .target = {.pid = 4711, .comm = "my app", .state = 'S'},
                .maps = {.data = (char *)(uintptr_t)maps_text, .len = strlen(maps_text)},
                .auxv = {.data = auxv_bytes, .len = sizeof(auxv_bytes)},
                .cmdline = {.data = cmdline_bytes, .len = sizeof(cmdline_bytes)},
                .pages = {.page_size = PAGE},
                .stacks = {.arch = arch_host(), .page_size = PAGE, .size = n},
                .out = BUF_GROWING((size_t)1 << 30),
        };
        f->stacks.threads = calloc(n, sizeof(*f->stacks.threads));
        f->stacks.registers = calloc(n, f->stacks.arch->gregs_size);
        f->stacks.arena = calloc(n, PAGE);
        for (size_t i = 0; i < n; i++) {
                f->stacks.threads[i] = (struct thread_copy){.tid = (pid_t)(4711 + i),
                                                            .how = HOW_STOPPED,
                                                            .start = start(i),
                                                            .wanted = 1,
                                                            .had = 1,
                                                            .at = (uint32_t)i};
                memset(f->stacks.arena + i * PAGE, (int)(i % 251) + 1, PAGE);
        }
        cr_assert_eq(map_index_make(&f->maps, &f->index), 0);
        f->core = (struct core){&f->target, &f->maps,  &f->auxv,   &f->cmdline,
                                &f->index,  &f->pages, &f->stacks, n, {0}};
        cr_assert_eq(core_write(&f->core, put, &f->out), 0);
        cr_assert_not(f->out.cut);
}

static void fixture_done(struct fixture *f)
{
        free(f->stacks.threads);
        free(f->stacks.registers);
        free(f->stacks.arena);
        map_index_done(&f->index);
        buf_done(&f->out);
}

static uint64_t apart(size_t i)
{
        return 0x7f0000000000 + i * 2 * PAGE;
}

static uint64_t same(size_t i)
{
        (void)i;
        return 0x7f0000000000;
}

static const Elf64_Phdr *header(const struct fixture *f, size_t i)
{
        return (const Elf64_Phdr *)(const void *)(f->out.data + sizeof(Elf64_Ehdr)) + i;
}

Test(core_write, has_aligned_segments_with_each_threads_bytes)
{
        struct fixture f;
        const Elf64_Ehdr *head;

        fixture_make(&f, 5, apart);
        head = (const Elf64_Ehdr *)(const void *)f.out.data;
        cr_expect_eq(memcmp(head->e_ident, ELFMAG, SELFMAG), 0);
        cr_expect_eq(head->e_type, ET_CORE);
        cr_assert_eq(head->e_phnum, 6);
        cr_expect_eq(header(&f, 0)->p_type, PT_NOTE);
        for (size_t i = 0; i < 5; i++) {
                const Elf64_Phdr *h = header(&f, i + 1);

                cr_expect_eq(h->p_type, PT_LOAD);
                cr_expect_eq(h->p_vaddr, apart(i));
                cr_expect_eq(h->p_offset % PAGE, 0);
                cr_expect_eq(h->p_flags, PF_R | PF_W);
                cr_assert_leq(h->p_offset + h->p_filesz, f.out.len);
                cr_expect_eq(f.out.data[h->p_offset + PAGE - 1], (char)(i + 1));
        }
        cr_expect_eq(f.out.len, header(&f, 5)->p_offset + PAGE);
        fixture_done(&f);
}

Test(core_write, has_no_segment_twice)
{
        struct fixture f;

        fixture_make(&f, 5, same);
        cr_expect_eq(((const Elf64_Ehdr *)(const void *)f.out.data)->e_phnum, 2);
        fixture_done(&f);
}

Test(core_write, counts_headers_beyond_sixteen_bits_as_the_kernel_does)
{
        struct fixture f;
        const Elf64_Ehdr *head;
        const Elf64_Shdr *section;

        fixture_make(&f, 70000, apart);
        head = (const Elf64_Ehdr *)(const void *)f.out.data;
        cr_expect_eq(head->e_phnum, PN_XNUM);
        cr_assert_eq(head->e_shnum, 1);
        section = (const Elf64_Shdr *)(const void *)(f.out.data + head->e_shoff);
        cr_expect_eq(section->sh_info, 70001);
        cr_expect_eq(header(&f, 70000)->p_vaddr, apart(69999));
        cr_expect_eq(f.out.len, header(&f, 70000)->p_offset + PAGE);
        fixture_done(&f);
}

/* The notes, one after the other. */
static const Elf64_Nhdr *note_next(const struct fixture *f, size_t *at, const char **ret_desc)
{
        const Elf64_Phdr *notes = header(f, 0);
        const Elf64_Nhdr *n;

        if (*at + sizeof(*n) > notes->p_filesz)
                return NULL;
        n = (const Elf64_Nhdr *)(const void *)(f->out.data + notes->p_offset + *at);
        *ret_desc = (const char *)n + sizeof(*n) + ((n->n_namesz + 3) & ~3u);
        *at += sizeof(*n) + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
        return n;
}

Test(core_write, tells_threads_and_files_in_notes_that_fill_their_segment)
{
        unsigned threads = 0, files = 0;
        const Elf64_Nhdr *n;
        const char *desc;
        struct fixture f;
        size_t at = 0;

        fixture_make(&f, 3, apart);
        f.stacks.threads[1].how = HOW_NONE; /* of which nothing is known: not in the core */
        buf_reset(&f.out);
        cr_assert_eq(core_write(&f.core, put, &f.out), 0);
        while ((n = note_next(&f, &at, &desc))) {
                threads += n->n_type == NT_PRSTATUS;
                if (n->n_type != NT_FILE)
                        continue;
                files++;
                cr_expect_eq(n->n_descsz, 5 * 8 + sizeof("/bin/my app\nx (deleted)"));
                cr_expect_eq(((const uint64_t *)(const void *)desc)[0], 1);
                cr_expect_str_eq(desc + 5 * 8, "/bin/my app\nx (deleted)");
        }
        cr_expect_eq(at, header(&f, 0)->p_filesz);
        cr_expect_eq(threads, 2);
        cr_expect_eq(files, 1);
        fixture_done(&f);
}
