/* SPDX-License-Identifier: MIT */
#include "injector/call/module_view.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEGMENTS_MAX 64
#define DYNAMIC_MAX  512
#define SIZE_MAX_    (UINT64_C(1) << 32)
#define COPY_MAX     (UINT64_C(64) << 20)
#define SYMBOLS_MAX  (UINT64_C(1) << 24)

static bool is_ours(const Elf64_Ehdr *e)
{
        static const uint16_t probe = 1;
        unsigned char data = *(const unsigned char *)&probe ? ELFDATA2LSB : ELFDATA2MSB;

        return memcmp(e->e_ident, ELFMAG, SELFMAG) == 0 && e->e_ident[EI_CLASS] == ELFCLASS64 &&
               e->e_ident[EI_DATA] == data && e->e_phentsize == sizeof(Elf64_Phdr) && e->e_phnum > 0 &&
               e->e_phnum <= SEGMENTS_MAX;
}

/* The part of the image behind this offset, at least n bytes; NULL: outside. */
static const void *at_offset(const struct module_view *v, uint64_t offset, uint64_t n)
{
        return offset <= v->size && n <= v->size - offset ? v->image + offset : NULL;
}

/* The same for words of `word` bytes; NULL, too, where none can lie. */
static const void *words_at(const struct module_view *v, uint64_t offset, uint64_t n, size_t word)
{
        return offset % word == 0 ? at_offset(v, offset, n * word) : NULL;
}

/* An address of the dynamic section: the file's own, or (in memory, after ld.so) the process's. */
static uint64_t offset_of(const struct module_view *v, uint64_t address)
{
        if (address >= v->start && address - v->start < v->size)
                return address - v->start;
        return address + v->bias - v->start;
}

/* DT_GNU_HASH: the highest symbol of all chains.  Symbols before the first hashed one are undefined. */
static uint64_t gnu_hash_symbols(const struct module_view *v, uint64_t offset)
{
        const uint32_t *head = words_at(v, offset, 4, 4), *buckets, *chain;
        uint64_t n_buckets, first, words, last = 0, at;

        if (!head)
                return 0;
        n_buckets = head[0];
        first = head[1];
        words = head[2];
        at = offset + 16 + words * 8;
        buckets = words_at(v, at, n_buckets, 4);
        if (!buckets)
                return 0;
        for (uint64_t i = 0; i < n_buckets; i++)
                if (buckets[i] > last)
                        last = buckets[i];
        if (last < first)
                return first;
        at += n_buckets * 4 + (last - first) * 4;
        while ((chain = words_at(v, at, 1, 4)) && !(*chain & 1)) {
                at += 4;
                last++;
        }
        return last + 1;
}

static void dynamic_parse(struct module_view *v, uint64_t offset, uint64_t size)
{
        uint64_t symbols = 0, strings = 0, strings_size = 0, gnu_hash = 0, hash = 0, n = 0;
        const uint32_t *head;

        for (uint64_t i = 0; i < DYNAMIC_MAX && (i + 1) * sizeof(Elf64_Dyn) <= size; i++) {
                const Elf64_Dyn *d = words_at(v, offset + i * sizeof(Elf64_Dyn), 2, 8);

                if (!d || d->d_tag == DT_NULL)
                        break;
                switch (d->d_tag) {
                case DT_SYMTAB:
                        symbols = offset_of(v, d->d_un.d_ptr);
                        break;
                case DT_STRTAB:
                        strings = offset_of(v, d->d_un.d_ptr);
                        break;
                case DT_STRSZ:
                        strings_size = d->d_un.d_val;
                        break;
                case DT_GNU_HASH:
                        gnu_hash = offset_of(v, d->d_un.d_ptr);
                        break;
                case DT_HASH:
                        hash = offset_of(v, d->d_un.d_ptr);
                        break;
                default:
                        break;
                }
        }
        if (gnu_hash)
                n = gnu_hash_symbols(v, gnu_hash);
        else if (hash && (head = words_at(v, hash, 2, 4)))
                n = head[1];
        if (!symbols || symbols % 8 != 0 || !strings || n > SYMBOLS_MAX ||
            !at_offset(v, symbols, n * sizeof(Elf64_Sym)) || !at_offset(v, strings, strings_size))
                return;
        v->symbols = (const Elf64_Sym *)(const void *)(v->image + symbols);
        v->n_symbols = n;
        v->strings = (const char *)v->image + strings;
        v->strings_size = strings_size;
}

static void parse(struct module_view *v, const Elf64_Phdr *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (p[i].p_type == PT_GNU_EH_FRAME)
                        v->eh_frame_hdr = at_offset(v, p[i].p_vaddr + v->bias - v->start, 16);
                else if (p[i].p_type == PT_DYNAMIC)
                        dynamic_parse(v, p[i].p_vaddr + v->bias - v->start, p[i].p_memsz);
}

/* From the first page of the first segment to the end of the last.  False: none, or absurd. */
static bool extent(const Elf64_Phdr *p, size_t n, uint64_t *ret_first, uint64_t *ret_size)
{
        uint64_t first = UINT64_MAX, end = 0;

        for (size_t i = 0; i < n; i++) {
                if (p[i].p_type != PT_LOAD)
                        continue;
                if (p[i].p_vaddr + p[i].p_memsz < p[i].p_vaddr)
                        return false;
                if (p[i].p_vaddr < first)
                        first = p[i].p_vaddr;
                if (p[i].p_vaddr + p[i].p_memsz > end)
                        end = p[i].p_vaddr + p[i].p_memsz;
        }
        first &= ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
        if (end <= first || end - first > SIZE_MAX_)
                return false;
        *ret_first = first;
        *ret_size = end - first;
        return true;
}

static bool map_segments(int fd, uint64_t file_size, const Elf64_Phdr *p, size_t n, uint64_t first,
                         uint8_t *image)
{
        uint64_t in_page = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

        for (size_t i = 0; i < n; i++) {
                uint64_t head = p[i].p_vaddr & in_page;

                if (p[i].p_type != PT_LOAD || p[i].p_filesz == 0)
                        continue;
                if ((p[i].p_offset & in_page) != head || p[i].p_filesz > p[i].p_memsz ||
                    p[i].p_offset + p[i].p_filesz > file_size || p[i].p_offset > file_size)
                        return false;
                if (mmap(image + (p[i].p_vaddr - head - first), p[i].p_filesz + head, PROT_READ,
                         MAP_PRIVATE | MAP_FIXED, fd, (off_t)(p[i].p_offset - head)) == MAP_FAILED)
                        return false;
        }
        return true;
}

int module_view_file(int fd, uint64_t start, struct module_view *ret)
{
        struct module_view v = {.start = start};
        Elf64_Phdr p[SEGMENTS_MAX];
        uint64_t first, size;
        struct stat st;
        Elf64_Ehdr e;
        void *image;
        size_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (pread(fd, &e, sizeof(e), 0) != sizeof(e) || !is_ours(&e))
                return -ENOEXEC;
        n = e.e_phnum;
        if (pread(fd, p, n * sizeof(*p), (off_t)e.e_phoff) != (ssize_t)(n * sizeof(*p)) ||
            !extent(p, n, &first, &size))
                return -ENOEXEC;
        image = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (image == MAP_FAILED)
                return -errno;
        v.image = image;
        v.size = size;
        v.bias = start - first;
        if (!map_segments(fd, (uint64_t)st.st_size, p, n, first, v.image)) {
                module_view_done(&v);
                return -ENOEXEC;
        }
        parse(&v, p, n);
        *ret = v;
        return 0;
}

int module_view_memory(const struct remote_memory *memory, uint64_t start, uint64_t end,
                       struct module_view *ret)
{
        struct module_view v = {.start = start, .size = end - start};
        const Elf64_Ehdr *e;
        const Elf64_Phdr *p;
        uint64_t first, size;
        void *image;

        if (end - start > COPY_MAX)
                return -EFBIG;
        image = mmap(NULL, v.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (image == MAP_FAILED)
                return -errno;
        v.image = image;
        /* Page by page: a hole ends a read, not the view. */
        for (uint64_t at = 0; at < v.size;) {
                size_t done = remote_read_large(memory, start + at, v.image + at, v.size - at);

                at += done > 0 ? done : 4096;
        }
        e = image;
        p = v.size < sizeof(*e) || !is_ours(e) || e->e_phoff % 8 != 0
                    ? NULL
                    : at_offset(&v, e->e_phoff, e->e_phnum * sizeof(*p));
        if (!p || !extent(p, e->e_phnum, &first, &size)) {
                module_view_done(&v);
                return -ENOEXEC;
        }
        v.bias = start - first;
        parse(&v, p, e->e_phnum);
        *ret = v;
        return 0;
}

void module_view_done(struct module_view *v)
{
        if (v->image)
                munmap(v->image, v->size);
        *v = MODULE_VIEW_NONE;
}

const char *module_view_name(const struct module_view *v, const Elf64_Sym *symbol)
{
        const char *name = v->strings + symbol->st_name;

        if (symbol->st_name == 0 || symbol->st_name >= v->strings_size ||
            !memchr(name, '\0', v->strings_size - symbol->st_name))
                return NULL;
        return name;
}

uint64_t module_view_function(const struct module_view *v, const char *name)
{
        for (size_t i = 0; i < v->n_symbols; i++) {
                const Elf64_Sym *s = &v->symbols[i];
                const char *its = module_view_is_function(s) ? module_view_name(v, s) : NULL;

                if (its && strcmp(its, name) == 0)
                        return s->st_value + v->bias;
        }
        return 0;
}

bool module_view_row(const struct module_view *v, uint64_t pc, struct cfi_row *ret)
{
        uintptr_t image = (uintptr_t)v->image;

        if (pc < v->start || pc - v->start >= v->size)
                return false;
        return cfi_find(image + (pc - v->start),
                        &(struct cfi_module){image, image + v->size, v->eh_frame_hdr}, ret);
}
