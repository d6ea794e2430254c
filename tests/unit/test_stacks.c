/* SPDX-License-Identifier: MIT */
#include "capture/stacks/stacks.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

#define PAGE    4096ul
#define THREADS 100
#define SIZE    (64 * PAGE)

/* Areas that look like stacks: a guard below, every word says which area and where. */
static uint64_t *areas[THREADS];

static void areas_make(void)
{
        for (size_t i = 0; i < THREADS; i++) {
                char *p = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                cr_assert_neq(p, MAP_FAILED);
                mprotect(p, PAGE, PROT_NONE);
                areas[i] = (uint64_t *)(void *)(p + PAGE);
                for (size_t word = 0; word < SIZE / 8; word++)
                        areas[i][word] = i << 32 | word;
        }
}

struct fixture {
        int proc;
        struct map_index maps;
        struct remote_memory memory;
        struct stacks stacks;
};

static void fixture_make(struct fixture *f, bool careful)
{
        _cleanup_buf_ struct buf text = BUF_GROWING(1 << 24);

        areas_make();
        f->proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
        cr_assert_eq(file_read_at(f->proc, "maps", &text), 0);
        cr_assert_eq(map_index_make(&text, &f->maps), 0);
        cr_assert_eq(remote_memory_open(f->proc, getpid(), careful, &f->memory), 0);
        cr_assert_eq(stacks_make(&f->stacks, f->proc, &f->maps, &f->memory, THREADS, THREADS), 0);
}

static void fixture_done(struct fixture *f)
{
        stacks_done(&f->stacks);
        map_index_done(&f->maps);
        remote_memory_close(&f->memory);
        close(f->proc);
}

/* Whole pages of the heap, with AddressSanitizer's red zones in them: compared behind its back. */
__attribute__((no_sanitize("address"))) static bool same_bytes(const volatile char *a, const volatile char *b,
                                                               size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (a[i] != b[i])
                        return false;
        return true;
}

/* Everything that was copied is right; returns how many pages that is. */
static size_t check_copies(const struct fixture *f)
{
        size_t pages = 0;

        for (size_t i = 0; i < THREADS; i++) {
                struct memory_run run;

                for (unsigned bit = 0; stacks_run_next(&f->stacks, i, &bit, &run);) {
                        cr_expect(same_bytes(run.data, (const char *)(uintptr_t)run.address, run.bytes),
                                  "thread %zu", i);
                        pages += run.bytes / PAGE;
                }
        }
        return pages;
}

static void *help(void *stacks)
{
        stacks_help(stacks);
        return NULL;
}

Test(stacks, are_copied_to_the_byte_with_and_without_a_helper)
{
        for (int helped = 0; helped < 2; helped++) {
                struct fixture f;
                pthread_t helper;

                fixture_make(&f, false);
                if (helped)
                        cr_assert_eq(pthread_create(&helper, NULL, help, &f.stacks), 0);
                for (size_t i = 0; i < THREADS; i++)
                        stacks_take_at(&f.stacks, i, (uintptr_t)areas[i] + SIZE - (1 + i % 8) * PAGE + 512,
                                       1);
                stacks_finish(&f.stacks);
                if (helped) {
                        stacks_close(&f.stacks);
                        pthread_join(helper, NULL);
                }
#ifdef __SANITIZE_ADDRESS__ /* its own memory lies beside ours and makes the mappings longer */
                cr_expect_geq(check_copies(&f), (THREADS / 8) * 36 + 1 + 2 + 3 + 4);
#else
                cr_expect_eq(check_copies(&f), (THREADS / 8) * 36 + 1 + 2 + 3 + 4);
#endif
                cr_expect_not(f.stacks.shortened);
                cr_expect_eq(arch_get(stacks_registers(&f.stacks, 7), f.stacks.arch->sp),
                             (uintptr_t)areas[7] + SIZE - 8 * PAGE + 512);
                fixture_done(&f);
        }
}

Test(stacks, begin_with_a_huge_page)
{
        struct fixture f;

        fixture_make(&f, false);
        cr_expect_eq((uintptr_t)f.stacks.arena % (2 << 20), 0);
        f.stacks.arena[0] = f.stacks.arena[f.stacks.arena_size - 1] = 1;
        fixture_done(&f);
}

Test(stacks, near_the_limit_stay_within_what_was_touched_and_are_fair)
{
        struct fixture f;
        size_t pages;

        fixture_make(&f, true);
        for (size_t i = 0; i < THREADS; i++)
                stacks_take_at(&f.stacks, i, (uintptr_t)areas[i] + 256, 1);
        stacks_finish(&f.stacks);
        pages = check_copies(&f);
        cr_expect_leq(pages, f.stacks.room);
        cr_expect_lt(f.stacks.room, THREADS * SIZE / PAGE);
        cr_expect(f.stacks.shortened);
        for (size_t i = 0; i < THREADS; i++)
                cr_expect_geq(__builtin_popcountll(f.stacks.threads[i].had & 15), 4,
                              "thread %zu has its innermost 16 KiB", i);
        fixture_done(&f);
}

Test(stacks, leave_out_pages_that_are_not_there)
{
        struct memory_run run;
        struct fixture f;
        unsigned bit = 0;

        fixture_make(&f, true);
        madvise((char *)areas[3] + 8 * PAGE, 8 * PAGE, MADV_DONTNEED);
        stacks_take_at(&f.stacks, 3, (uintptr_t)areas[3] + 256, 1);
        stacks_finish(&f.stacks);
        cr_expect(stacks_run_next(&f.stacks, 3, &bit, &run));
        cr_expect_eq(run.address, (uintptr_t)areas[3]);
        cr_expect_eq(run.bytes, 8 * PAGE);
        cr_expect(stacks_run_next(&f.stacks, 3, &bit, &run));
        cr_expect_eq(run.address, (uintptr_t)areas[3] + 16 * PAGE);
        cr_expect_eq(run.bytes, 48 * PAGE);
        cr_expect_eq(memcmp(run.data, (void *)(uintptr_t)run.address, run.bytes), 0);
        cr_expect_not(stacks_run_next(&f.stacks, 3, &bit, &run));
        fixture_done(&f);
}
