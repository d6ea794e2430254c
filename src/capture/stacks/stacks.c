/* SPDX-License-Identifier: MIT */
#include "capture/stacks/stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/number.h"
#include "base/populate.h"
#include "capture/stacks/stack_range.h"

/* Programs of all kinds have about 10 KiB per thread in use (24 frames). */
#define EXPECTED_PER_THREAD ((size_t)16 * 1024)
#define HUGE_PAGE           ((size_t)2 << 20) /* on x86_64, and on aarch64 with pages of 4 KiB */
#define EXPECTED_AT_LEAST   (512 * 1024)

/* Looking at pagemap costs 1.1 us per thread, reading three pages 2.6: stacks this short are read without. */
#define PAGES_UNCHECKED 16

/* /proc/PID/pagemap, Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

static void *reserve(size_t bytes)
{
        void *p =
                mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

/* From the beginning of a huge page on: 128 threads' stacks are one, and a half. */
static void *reserve_aligned(size_t bytes)
{
        char *p = reserve(bytes + HUGE_PAGE), *start;

        if (!p)
                return NULL;
        start = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
        if (start > p)
                munmap(p, (size_t)(start - p));
        if (start < p + HUGE_PAGE)
                munmap(start + bytes, (size_t)(p + HUGE_PAGE - start));
        return start;
}

static void unreserve(void *memory, size_t bytes)
{
        if (memory)
                munmap(memory, bytes);
}

/* "VmSwap:\t     128 kB" of /proc/PID/status. */
static bool has_swapped(int proc_fd)
{
        _cleanup_buf_ struct buf status = BUF_GROWING(PROC_STATUS_MAX);
        const char *p;
        uint64_t kib = 0;

        if (file_read_at(proc_fd, "status", &status) < 0 || !(p = strstr(status.data, "\nVmSwap:")))
                return true;
        p += strlen("\nVmSwap:");
        p += strspn(p, " \t");
        return number_scan(&p, status.data + status.len, 10, &kib) < 0 || kib > 0;
}

/* In huge pages: 8 page faults for 1,024 threads' stacks instead of 4,096.  Not while memory is short: the kernel may move other
 * pages away to have them (11 ms for 4 MiB, which at a kill the victim waits for). */
static void touch_pages(char *memory, size_t size, bool short_of_memory)
{
        if (size >= HUGE_PAGE && !short_of_memory)
                madvise(memory, size, MADV_HUGEPAGE);
        memory_populate(memory, size);
}

/* The top of a stack is a page of it, of 64 KiB on some machines. */
static size_t expected_pages(const struct stacks *s)
{
        return EXPECTED_PER_THREAD > s->page_size ? EXPECTED_PER_THREAD / s->page_size : 1;
}

int stacks_make(struct stacks *s, int proc_fd, const struct map_index *maps, struct remote_memory *memory,
                size_t n, size_t expected)
{
        size_t touch;

        *s = (struct stacks){
                .arch = arch_host(),
                .maps = maps,
                .memory = memory,
                .page_size = (size_t)sysconf(_SC_PAGESIZE),
                .size = n,
                .expected = expected,
                .arena_size = n * STACK_CAP,
        };
        touch = EXPECTED_AT_LEAST + expected * expected_pages(s) * s->page_size;
        if (touch > s->arena_size)
                touch = s->arena_size;
        /* Beyond what is touched, a page fault comes in the pause; when memory is short it could take
         * seconds. */
        s->room = (memory->careful ? touch : s->arena_size) / s->page_size;
        sem_init(&s->work, 0, 0);
        sem_init(&s->progress, 0, 0);
        s->swapping = has_swapped(proc_fd);
        s->pagemap_fd = openat(proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
        s->threads = reserve(n * sizeof(*s->threads));
        s->registers = reserve(n * s->arch->gregs_size);
        s->queue = reserve(n * sizeof(*s->queue));
        s->arena = reserve_aligned(s->arena_size);
        if (!s->threads || !s->registers || !s->queue || !s->arena) {
                stacks_done(s);
                return -ENOMEM;
        }
        memset(s->threads, 0, n * sizeof(*s->threads));
        memset(s->registers, 0, n * s->arch->gregs_size);
        memset(s->queue, 0, n * sizeof(*s->queue));
        touch_pages(s->arena, touch, memory->careful);
        return 0;
}

void stacks_done(struct stacks *s)
{
        fd_closep(&s->pagemap_fd);
        unreserve(s->threads, s->size * sizeof(*s->threads));
        if (s->registers)
                munmap(s->registers, s->size * s->arch->gregs_size);
        unreserve(s->queue, s->size * sizeof(*s->queue));
        unreserve(s->arena, s->arena_size);
        *s = (struct stacks){.pagemap_fd = -1};
}

void *stacks_registers(const struct stacks *s, size_t i)
{
        return s->registers + i * s->arch->gregs_size;
}

static uint64_t bits(unsigned n)
{
        return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static unsigned bit_count(uint64_t set)
{
        return (unsigned)__builtin_popcountll(set);
}

/* Leave out pages which reading would bring in: from swap, from a file, or (the page tables for them) from
 * nowhere. */
static void keep_present(struct stacks *s, struct thread_copy *t)
{
        uint64_t entries[STACK_PAGES_MAX], present = 0;
        unsigned pages = bit_count(t->wanted);
        ssize_t n;

        if (s->pagemap_fd < 0 || pages == 0)
                return;
        if (pages <= PAGES_UNCHECKED && !s->swapping && !s->memory->careful && !t->in_file)
                return;
        n = pread(s->pagemap_fd, entries, pages * sizeof(*entries),
                  (off_t)(t->start / s->page_size * sizeof(*entries)));
        if (n < 0)
                return;
        for (size_t i = 0; i < (size_t)n / sizeof(*entries); i++) {
                if (entries[i] & PAGEMAP_PRESENT)
                        present |= UINT64_C(1) << i;
                else if (entries[i] & PAGEMAP_SWAPPED)
                        s->swapped_pages++;
        }
        t->wanted &= present;
}

/* Give the thread its part of the arena.  Where room is short, later threads keep what is usual for one, and
 * this stack lacks its outer end. */
static void place(struct stacks *s, struct thread_copy *t)
{
        size_t later = s->expected > ++s->seen ? s->expected - s->seen : 0;
        size_t kept = later * expected_pages(s), left = s->room - s->used;
        size_t pages = bit_count(t->wanted), most = left > kept ? left - kept : 0;

        for (; pages > most; pages--) {
                t->wanted &= ~(UINT64_C(1) << (63 - __builtin_clzll(t->wanted)));
                s->shortened = true;
        }
        t->at = (uint32_t)s->used;
        s->used += pages;
}

unsigned stacks_run_length(uint64_t set, unsigned *bit)
{
        if (*bit >= 64 || (set >> *bit) == 0)
                return 0;
        *bit += (unsigned)__builtin_ctzll(set >> *bit);
        /* The zeros that were shifted in end the run, if there are any. */
        return ~(set >> *bit) ? (unsigned)__builtin_ctzll(~(set >> *bit)) : 64;
}

char *stacks_page(const struct stacks *s, const struct thread_copy *t, unsigned bit)
{
        return s->arena + (t->at + bit_count(t->wanted & bits(bit))) * s->page_size;
}

static void take(struct stacks *s, size_t i)
{
        struct thread_copy *t = &s->threads[i];
        struct stack_range range = stack_range_of(s->maps, t->sp, s->arch->red_zone, s->page_size);

        t->start = range.start;
        t->wanted = bits(range.pages);
        t->in_file = range.in_file;
        keep_present(s, t);
        place(s, t);
        stacks_queue(s, i);
}

void stacks_take(struct stacks *s, size_t i)
{
        struct thread_copy *t = &s->threads[i];

        t->how = HOW_STOPPED;
        t->sp = arch_get(stacks_registers(s, i), s->arch->sp);
        t->pc = arch_get(stacks_registers(s, i), s->arch->pc);
        take(s, i);
}

void stacks_take_at(struct stacks *s, size_t i, uint64_t sp, uint64_t pc)
{
        struct thread_copy *t = &s->threads[i];
        char *registers = stacks_registers(s, i);

        t->how = HOW_SYSCALL;
        t->sp = sp;
        t->pc = pc;
        memcpy(registers + s->arch->sp, &sp, sizeof(sp));
        memcpy(registers + s->arch->pc, &pc, sizeof(pc));
        take(s, i);
}

bool stacks_run_next(const struct stacks *s, size_t i, unsigned *bit, struct memory_run *ret)
{
        const struct thread_copy *t = &s->threads[i];
        unsigned length = stacks_run_length(t->had, bit);

        if (length == 0)
                return false;
        *ret = (struct memory_run){t->start + *bit * s->page_size, length * s->page_size,
                                   stacks_page(s, t, *bit)};
        *bit += length;
        return true;
}
