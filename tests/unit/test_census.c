/* SPDX-License-Identifier: MIT */
/* The census, on this process's own heap and on words made by hand. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "census/cached.h"
#include "census/census.h"

static struct ranges ranges_of(const char *text)
{
        struct buf maps = {.data = (char *)text, .len = strlen(text)};
        struct ranges r;

        cr_assert_eq(ranges_make(&maps, &r), 0);
        return r;
}

Test(census, a_modules_bss_belongs_to_it)
{
        struct ranges r = ranges_of("1000-2000 r--p 00000000 08:01 7 /usr/lib/libc.so.6\n"
                                    "2000-3000 rw-p 00001000 08:01 7 /usr/lib/libc.so.6\n"
                                    "3000-5000 rw-p 00000000 00:00 0 \n"
                                    "6000-7000 rw-p 00000000 00:00 0 \n"
                                    "nonsense\n"
                                    "8000-9000 rw-p 00000000 00:00 0 [heap]\n");

        cr_expect_eq(r.n, 5);
        cr_expect_eq(r.libc, 0);
        cr_expect(r.list[2].module == r.list[0].module && r.list[2].module != 0);
        cr_expect_eq(r.list[3].module, 0);
        cr_expect(r.list[4].heap);
        cr_expect_eq(ranges_find(&r, 0x6fff), &r.list[3]);
        cr_expect_null(ranges_find(&r, 0x5000));
        cr_expect_null(ranges_find(&r, 0x9000));
        ranges_done(&r);
}

Test(census, each_size_has_a_row_that_reaches_up_to_it)
{
        struct ranges r = ranges_of("");
        struct tally t;

        cr_assert_eq(tally_make(&r, &t), 0);
        for (uint64_t size = 32; size < UINT64_C(1) << 40; size += size < 4096 ? 16 : size / 24 / 16 * 16) {
                uint32_t row = UINT32_MAX;

                tally_add(&t, size, 0, 0);
                for (uint32_t i = 0; i < TALLY_SIZES; i++)
                        if (t.sizes[i].blocks == 1)
                                row = i;
                cr_assert_neq(row, UINT32_MAX);
                cr_assert_geq(tally_row_bytes(row), size);
                cr_assert(row == 0 || tally_row_bytes(row - 1) < size, "size %llu row %u",
                          (unsigned long long)size, row);
                tally_take_back(&t, size, 0);
                cr_assert_eq(t.sizes[row].blocks, 0);
        }
        tally_done(&t);
        ranges_done(&r);
}

Test(census, first_words_tell_kinds)
{
        struct ranges r = ranges_of(
                "10000-20000 r--p 00000000 08:01 7 /usr/bin/x\n30000-40000 rw-p 00000000 00:00 0 \n");
        struct tally t;
        size_t n;
        unsigned seen = 0;
        uint64_t text = 0;

        memcpy(&text, "GET /", 5);
        cr_assert_eq(tally_make(&r, &t), 0);
        tally_add(&t, 32, 0x10010, 0);
        tally_add(&t, 32, 0x10010, 0);
        tally_add(&t, 48, 0x10020, 0);
        tally_add(&t, 32, 0x30010, 0);
        tally_add(&t, 32, 0, 0);
        tally_add(&t, 32, text, 0);
        tally_add(&t, 32, UINT64_C(0x8000000000000001), 0);
        n = tally_sort(&t);
        cr_assert_eq(n, 6);
        cr_expect_eq(t.objects[0].word, 0x10010);
        cr_expect_eq(t.objects[0].count.blocks, 2);
        for (size_t i = 0; i < n; i++)
                seen |= 1u << (t.objects[i].kind - 1);
        cr_expect_eq(seen, (1u << TALLY_KINDS) - 1);
        tally_done(&t);
        ranges_done(&r);
}

/* An arena as it is in memory: empty lists, one that is not. */
static void make_arena(uint64_t *words, const struct glibc_layout *l, uint64_t address)
{
        memset(words, 0, l->words * sizeof(*words));
        for (unsigned i = 0; i < 127; i++) {
                uint64_t head = address + (l->bins + 2u * i) * 8u - 16;

                words[l->bins + 2 * i] = words[l->bins + 2 * i + 1] = head;
        }
        words[l->bins] = words[l->bins + 1] = 0x55550000a000;
        words[l->top] = 0x55550000b000;
        words[l->next] = address;
        words[l->system_mem] = 132 * 1024;
        words[l->system_mem + 1] = 140 * 1024;
}

Test(census, arenas_of_all_versions_are_found)
{
        static uint64_t words[600];

        for (size_t i = 0; i < n_glibc_layouts; i++) {
                const struct glibc_layout *l = &glibc_layouts[i];
                uint64_t start = 0x7f0000001000, address = start + 101 * 8;
                struct glibc_arena a;

                memset(words, 0x5a, sizeof(words));
                make_arena(words + 101, l, address);
                cr_assert_eq(glibc_find_arena(words, ARRAY_SIZE(words), start, &a), l, "%s", l->versions);
                cr_expect_eq(a.address, address);
                cr_expect_eq(a.top, 0x55550000b000);
                cr_expect_eq(a.system_mem, 132 * 1024);
                words[101 + l->system_mem] = 141 * 1024; /* more than ever */
                cr_expect_null(glibc_find_arena(words, ARRAY_SIZE(words), start, &a));
                make_arena(words + 101, l, address);
                words[101 + l->bins + 9] += 8;
                cr_expect_null(glibc_find_arena(words, ARRAY_SIZE(words), start, &a));
        }
}

static struct census *census_of_self(void)
{
        struct buf maps = BUF_GROWING((size_t)1 << 24);
        struct census_request request = {
                .pagemap_fd = open("/proc/self/pagemap", O_RDONLY), .maps = &maps, .deadline_ns = UINT64_MAX};
        int proc = open("/proc/self", O_PATH | O_DIRECTORY);
        struct remote_memory memory;
        struct census *c;

        cr_assert_eq(remote_memory_open(proc, getpid(), false, &memory), 0);
        request.memory = &memory;
        cr_assert_eq(file_read_at(proc, "maps", &maps), 0);
        cr_assert_eq(census_take(&request, &c), 0);
        remote_memory_close(&memory);
        close(request.pagemap_fd);
        close(proc);
        buf_done(&maps);
        return c;
}

/* Blocks of 48 and 80 bytes in a heap of 256 MiB, in a file that stands for memory: what is in use is known. */
Test(census, a_sample_is_right_within_its_error)
{
        const uint64_t start = 0x100000, end = start + (UINT64_C(256) << 20);
        char line[] = "100000-10100000 rw-p 00000000 00:00 0 [heap]\n";
        struct buf maps = {.data = line, .len = strlen(line)};
        struct remote_memory memory = {.fd = memfd_create("heap", MFD_CLOEXEC), .careful = true};
        struct walk *w = calloc(1, sizeof(*w));
        struct heap_sums sums = {0};
        struct ranges ranges;
        struct window window;
        struct tally tally;
        static uint64_t piece[1 << 17];
        uint64_t in_use = 0, at = start, error;
        size_t fill = 0;
        double factor = 64;

        /* A pattern of 128 bytes which the pieces are multiples of: in use, free by turns, as the flags say. */
        for (size_t i = 0; i < ARRAY_SIZE(piece); i += 16) {
                bool first_in_use = i / 16 % 3 != 0;

                piece[i] = 48;
                piece[i + 1] = 48 | CHUNK_PREV_INUSE;
                piece[i + 6] = 48;
                piece[i + 7] = 80 | (first_in_use ? CHUNK_PREV_INUSE : 0);
        }
        cr_assert_not_null(w);
        for (; at < end; at += sizeof(piece), fill++)
                cr_assert_eq(pwrite(memory.fd, piece, sizeof(piece), (off_t)at), (ssize_t)sizeof(piece));
        for (size_t i = 0; i < ARRAY_SIZE(piece); i += 16)
                in_use += 80 + (i / 16 % 3 != 0 ? 48 : 0);
        in_use *= fill;
        cr_assert_eq(ranges_make(&maps, &ranges), 0);
        cr_assert_eq(tally_make(&ranges, &tally), 0);
        cr_assert_eq(window_make(&memory, -1, &window), 0);
        *w = (struct walk){.window = &window,
                           .tally = &tally,
                           .deadline_ns = UINT64_MAX,
                           .sample = {.stretch = (uint64_t)factor * SAMPLE_PIECE, .random = 4711}};
        walk_heap(w, start, end, 0, &sums);
        error = walk_sample_error(&w->sample);
        tally_scale(&tally, factor);
        cr_expect_eq(w->sample.pieces, 16);
        cr_expect_float_eq((double)sums.in_use * factor, (double)in_use,
                           3 * (double)error + (double)in_use / 50, "%.0f of %.0f ± %.0f",
                           (double)sums.in_use * factor, (double)in_use, (double)error);
        cr_expect_leq(window.bytes_read, UINT64_C(24) << 20);
        window_done(&window);
        tally_done(&tally);
        ranges_done(&ranges);
        close(memory.fd);
        free(w);
}

/* A heap of our own making, in a file that stands for memory. */
struct made {
        struct remote_memory memory;
        struct ranges ranges;
        struct window window;
        struct tally tally;
        struct walk walk;
        struct heap_sums sums;
};

#define MADE_START UINT64_C(0x100000)
#define MADE_END   UINT64_C(0x10100000)

static struct made *make_heap(void)
{
        static char line[] = "100000-10100000 rw-p 00000000 00:00 0 [heap]\n";
        struct buf maps = {.data = line, .len = strlen(line)};
        struct made *m = calloc(1, sizeof(*m));

        cr_assert_not_null(m);
        m->memory = (struct remote_memory){.fd = memfd_create("heap", MFD_CLOEXEC), .careful = true};
        cr_assert_eq(ftruncate(m->memory.fd, (off_t)MADE_END), 0);
        cr_assert_eq(ranges_make(&maps, &m->ranges), 0);
        cr_assert_eq(tally_make(&m->ranges, &m->tally), 0);
        cr_assert_eq(window_make(&m->memory, -1, &m->window), 0);
        m->walk = (struct walk){.window = &m->window, .tally = &m->tally, .deadline_ns = UINT64_MAX};
        return m;
}

static void put_block(struct made *m, uint64_t address, uint64_t size, uint64_t word)
{
        uint64_t words[] = {0, size | CHUNK_PREV_INUSE, word};

        cr_assert_eq(pwrite(m->memory.fd, words, sizeof(words), (off_t)address), (ssize_t)sizeof(words));
}

/* As glibc since 2.32 stores it (PROTECT_PTR). */
static uint64_t link_to(uint64_t block, uint64_t next)
{
        return (block + CHUNK_HEADER) >> 12 ^ next;
}

static void free_heap(struct made *m)
{
        window_done(&m->window);
        tally_done(&m->tally);
        ranges_done(&m->ranges);
        close(m->memory.fd);
        free(m);
}

Test(census, a_sample_sees_blocks_that_are_larger_than_its_pieces)
{
        const uint64_t sizes[] = {96 << 10, 1 << 20};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct made *m = make_heap();
                double factor = 16, whole = (double)(MADE_END - MADE_START), seen;

                for (uint64_t at = MADE_START; at < MADE_END; at += sizes[i])
                        put_block(m, at, at + sizes[i] < MADE_END ? sizes[i] : MADE_END - at, 0);
                m->walk.sample =
                        (struct walk_sample){.stretch = (uint64_t)factor * SAMPLE_PIECE, .random = 4711};
                walk_heap(&m->walk, MADE_START, MADE_END, 0, &m->sums);
                seen = (double)m->sums.in_use * factor;
                cr_expect_float_eq(seen, whole, 2 * (double)walk_sample_error(&m->walk.sample) + whole / 50,
                                   "blocks of %lu: %.0f of %.0f", (unsigned long)sizes[i], seen, whole);
                cr_expect_gt(seen, whole / 2);
                free_heap(m);
        }
}

Test(census, a_list_of_free_blocks_that_leads_in_circles_is_counted_about_once)
{
        struct made *m = make_heap();
        struct glibc_arena arena = {.fastbins = {MADE_START + 32, MADE_START + 320}};

        /* One that leads to itself, and five of which the last leads to the second. */
        put_block(m, MADE_START + 32, 32, link_to(MADE_START + 32, MADE_START + 32));
        for (uint64_t i = 0; i < 5; i++) {
                uint64_t at = MADE_START + 320 + i * 48, next = i < 4 ? at + 48 : at - 3 * 48;

                put_block(m, at, 48, link_to(at, next));
        }
        m->sums.in_use = UINT64_C(1) << 30;
        m->sums.blocks_in_use = 1000000;
        cached_take_fastbins(&m->walk, &arena, &m->sums);
        cr_expect_geq(m->sums.blocks_cached, 6);
        cr_expect_leq(m->sums.blocks_cached, 1 + 3 * 5);
        free_heap(m);
}

#if defined(__SANITIZE_ADDRESS__)
#define OWN_ALLOCATOR false
#else
#define OWN_ALLOCATOR true
#endif

Test(census, of_this_process_agrees_with_mallinfo)
{
        static const struct object {
                void *table;
        } object = {NULL};
        struct mallinfo2 before, after;
        struct census *c;
        unsigned found = 0;
        void *blocks[5000];

        if (!OWN_ALLOCATOR)
                return; /* the sanitizer's heap is not glibc's */
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
                blocks[i] = malloc(200);
                cr_assert_not_null(blocks[i]);
                *(const void *volatile *)blocks[i] = &object;
        }
        before = mallinfo2();
        c = census_of_self();
        after = mallinfo2();
        cr_assert_str_empty(c->refused);
        cr_expect_eq(c->sums.unseen, 0);
        /* The census itself allocates meanwhile. */
        cr_expect_geq(c->sums.in_use + c->sums.cached + 4096, before.uordblks);
        cr_expect_leq(c->sums.in_use, after.uordblks + ((size_t)8 << 20));
        for (size_t i = 0, n = tally_sort(&c->tally); i < n; i++)
                if (c->tally.objects[i].word == (uint64_t)(uintptr_t)&object &&
                    c->tally.objects[i].count.blocks == 5000)
                        found++;
        cr_expect_eq(found, 1);
        census_free(c);
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
                free(blocks[i]);
}

Test(census, another_allocator_without_statistics_is_named_and_refused)
{
        struct buf maps = {.data = (char *)"1000-2000 r-xp 00000000 08:01 7 /usr/lib/libc.so.6\n"
                                           "4000-5000 r-xp 00000000 08:01 8 /usr/lib/libjemalloc.so.2\n"};
        struct remote_memory memory = {.fd = -1, .careful = true};
        struct census *c;

        maps.len = strlen(maps.data);
        cr_assert_eq(census_take(&(struct census_request){.memory = &memory,
                                                          .pagemap_fd = -1,
                                                          .maps = &maps,
                                                          .deadline_ns = UINT64_MAX},
                                 &c),
                     0);
        cr_assert_eq(c->n_heaps, 1);
        cr_expect_str_eq(c->heaps[0].name, "jemalloc");
        cr_expect_not_null(strstr(c->heaps[0].refused, "not understood"));
        cr_expect_eq(c->heaps[0].in_use, HEAP_UNKNOWN);
        cr_expect_not_null(strstr(c->refused, "jemalloc"));
        census_free(c);
}

Test(census, what_was_never_counted_is_not_taken_back)
{
        struct ranges ranges = {0};
        struct tally t;

        cr_assert_eq(tally_make(&ranges, &t), 0);
        tally_add(&t, 64, 0, 0x1000);
        /* As a program does that runs on: the block's first word was a zero, and is a number when it is found to be free. */
        tally_take_back(&t, 64, 42);
        tally_take_back(&t, 64, 42);
        tally_take_back(&t, 128, 0);
        cr_expect_eq(tally_sort(&t), 1);
        cr_expect_eq(t.objects[0].count.blocks, 1);
        cr_expect_eq(t.objects[0].count.bytes, 64);
        for (size_t i = 0; i < TALLY_SIZES; i++)
                cr_expect_eq(t.sizes[i].bytes, 0);
        tally_done(&t);
}
