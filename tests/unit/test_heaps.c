/* SPDX-License-Identifier: MIT */
/* Heaps that are not glibc's, in memory made by hand: a file whose offsets are the addresses. */
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "census/dynsym.h"
#include "census/heap.h"

#define DATA  UINT64_C(0x200000) /* the module's data */
#define ARENA UINT64_C(0x40000000)

struct process {
        struct remote_memory memory;
        struct ranges ranges;
        struct heap_look look;
        struct heap *heaps;
        size_t n;
};

/* A process that has these mappings, and zeros in them. */
static void process_make(const char *maps, struct process *ret)
{
        struct buf text = {.data = (char *)maps, .len = strlen(maps)};

        *ret = (struct process){.memory = {.fd = memfd_create("memory", MFD_CLOEXEC), .careful = true}};
        cr_assert_geq(ret->memory.fd, 0);
        cr_assert_eq(ftruncate(ret->memory.fd, INT64_C(1) << 40), 0);
        cr_assert_eq(ranges_make(&text, &ret->ranges), 0);
}

static void put(struct process *p, uint64_t address, const void *from, size_t n)
{
        cr_assert_eq(pwrite(p->memory.fd, from, n, (off_t)address), (ssize_t)n);
}

static const struct heap *take(struct process *p)
{
        p->look = (struct heap_look){
                .memory = &p->memory, .ranges = &p->ranges, .pagemap_fd = -1, .deadline_ns = UINT64_MAX};
        heaps_free(p->heaps, p->n);
        cr_assert_eq(heaps_take(&p->look, &p->heaps, &p->n), 0);
        cr_assert_eq(p->n, 1, "%zu heaps", p->n);
        return p->heaps;
}

static void process_done(struct process *p)
{
        heaps_free(p->heaps, p->n);
        ranges_done(&p->ranges);
        close(p->memory.fd);
}

/* Go's three deltas, and the same figures in another place. */
static void make_go(struct process *p, uint64_t other_in_heap)
{
        static uint64_t words[4000];
        const size_t delta = 147, at = 512;
        char info[64] = "\xff Go buildinf:\x08\x02";

        memset(words, 0, sizeof(words));
        memcpy(info + 32, "\x06go1.22", 7);
        memcpy(words, info, sizeof(info));
        words[at] = 9 << 20; /* committed, of which -1 MiB came later */
        words[at + delta] = (uint64_t) - (1 << 20);
        words[at + 1] = 64 << 10;
        words[at + 2] = 4 << 20;
        words[at + 3] = 256 << 10;
        words[at + 9 + 5] = 1000; /* 48 bytes */
        words[at + delta + 9 + 68 + 2 + 5] = 400;
        words[at + 7] = 1 << 20;
        words[at + 8] = 2;
        words[at + 2 * delta + 77] = 512 << 10;
        words[at + 2 * delta + 78] = 1;
        words[3000] = other_in_heap;
        words[3001] = 64 << 10;
        put(p, DATA, words, sizeof(words));
}

Test(heaps, gos_figures_are_taken_if_another_place_has_the_same)
{
        struct process p;
        const struct heap *h;

        process_make("1000-2000 r-xp 00000000 08:01 7 /usr/bin/server\n"
                     "200000-210000 rw-p 00001000 08:01 7 /usr/bin/server\n",
                     &p);
        make_go(&p, 4 << 20);
        h = take(&p);
        cr_expect_str_eq(h->name, "Go");
        cr_expect_str_eq(h->version, "go1.22");
        cr_expect_str_empty(h->refused);
        cr_expect_eq(h->system, 8 << 20);
        cr_expect_eq(h->in_use, 600 * 48 + (512 << 10), "%llu", (unsigned long long)h->in_use);
        cr_expect_eq(h->blocks, 601);
        cr_expect_eq(h->returned, 64 << 10);
        cr_expect_eq(h->overhead, 256 << 10);
        cr_expect_eq(h->in_use + h->free + h->overhead, h->system);
        cr_expect_eq(h->classes[0].size, 48);
        cr_expect_eq(h->classes[0].blocks, 600);
        make_go(&p, 5 << 20);
        h = take(&p);
        cr_expect_not_null(strstr(h->refused, "did not agree"));
        cr_expect_eq(h->system, HEAP_UNKNOWN);
        process_done(&p);
}

/* tcmalloc's 256 heads of lists, all empty but one, and the statistics behind them. */
static void make_tcmalloc(struct process *p, uint64_t unmapped)
{
        static uint64_t words[4096];
        const size_t at = 100;
        const uint64_t span[4] = {0, 3, DATA + (at + 4 * 6) * 8, DATA + (at + 4 * 6) * 8};

        memset(words, 0, sizeof(words));
        for (size_t i = 0; i < 256; i++)
                words[at + i * 6 + 2] = words[at + i * 6 + 3] = DATA + (at + i * 6) * 8;
        words[at + 4 * 6 + 2] = words[at + 4 * 6 + 3] = ARENA; /* free, of 3 pages */
        words[at + 256 * 6] = 10 << 20;
        words[at + 256 * 6 + 1] = 1 << 20;
        words[at + 256 * 6 + 2] = unmapped;
        words[at + 256 * 6 + 3] = 8 << 20;
        put(p, DATA, words, sizeof(words));
        put(p, ARENA, span, sizeof(span));
}

Test(heaps, tcmallocs_page_heap_is_found_by_its_lists_and_checked_by_its_sums)
{
        struct process p;
        const struct heap *h;

        process_make("1000-2000 r-xp 00000000 08:01 7 /usr/lib/libtcmalloc_minimal.so.4\n"
                     "200000-210000 rw-p 00001000 08:01 7 /usr/lib/libtcmalloc_minimal.so.4\n"
                     "40000000-40100000 rw-p 00000000 00:00 0 \n",
                     &p);
        make_tcmalloc(&p, 2 << 20);
        h = take(&p);
        cr_expect(h->is_malloc);
        cr_expect_str_empty(h->refused);
        cr_expect_eq(h->system, 8 << 20);
        cr_expect_eq(h->free, 1 << 20);
        cr_expect_eq(h->returned, 2 << 20);
        make_tcmalloc(&p, 3 << 20);
        cr_expect_not_null(strstr(take(&p)->refused, "did not agree"));
        put(&p, DATA + 100 * 8 + 16, &(uint64_t){42}, 8);
        cr_expect_not_null(strstr(take(&p)->refused, "not understood"));
        process_done(&p);
}

/* A type object `name` at `address`, whose type is `type`. */
static void make_type(struct process *p, uint64_t address, uint64_t type, uint64_t name_at, const char *name)
{
        put(p, address, &(uint64_t[4]){1, type, 0, name_at}, 32);
        put(p, name_at, name, strlen(name) + 1);
}

/* One arena of which one pool was used, for blocks of 32 bytes: three in use, one given back, the rest never used. */
static void make_python(struct process *p, uint32_t pool_arena)
{
        const uint64_t array = ARENA + 0x300000, type = DATA + 0x1000, order = DATA + 0x2000;
        struct {
                uint32_t count, padding;
                uint64_t free_block, next, prev;
                uint32_t arena, class_index, next_offset, max_next_offset;
        } pool = {.count = 3,
                  .free_block = ARENA + 48 + 32,
                  .arena = pool_arena,
                  .class_index = 1,
                  .next_offset = 48 + 4 * 32,
                  .max_next_offset = 16384 - 32};
        const struct {
                uint64_t address, pool_address;
                uint32_t free_pools, total_pools;
                uint64_t links[3];
        } arena = {ARENA, ARENA + 16384, 63, 64, {0}};

        make_type(p, type, type, DATA + 0x3000, "type");
        make_type(p, order, type, DATA + 0x3100, "shop.Order");
        put(p, ARENA, &pool, sizeof(pool));
        for (uint64_t i = 0; i < 4; i++)
                put(p, ARENA + 48 + i * 32, &(uint64_t[2]){i == 1 ? 0 : 1, order}, 16);
        put(p, array, &arena, sizeof(arena));
        put(p, DATA, &array, sizeof(array));
}

Test(heaps, pythons_arenas_name_themselves_and_their_objects_types)
{
        struct process p;
        const struct heap *h;

        process_make("1000-2000 r-xp 00000000 08:01 7 /usr/bin/python3.11\n"
                     "200000-210000 rw-p 00001000 08:01 7 /usr/bin/python3.11\n"
                     "40000000-40400000 rw-p 00000000 00:00 0 \n",
                     &p);
        make_python(&p, 0);
        h = take(&p);
        cr_expect_str_empty(h->refused);
        cr_expect_eq(h->system, 1 << 20);
        cr_expect_eq(h->in_use, 96);
        cr_expect_eq(h->blocks, 3);
        cr_expect_eq(h->in_use + h->free + h->overhead, h->system);
        cr_expect_eq(h->n_regions, 1);
        cr_expect_eq(h->regions[0].start, ARENA);
        cr_assert_eq(h->n_types, 1);
        cr_expect_str_eq(h->types[0].name, "shop.Order");
        cr_expect_eq(h->types[0].blocks, 3);
        make_python(&p, 1); /* the pool is another arena's */
        cr_expect_not_null(strstr(take(&p)->refused, "not understood"));
        process_done(&p);
}

/* (class_index + 1) * alignment is 0 in 32 bits: no size to divide by. */
Test(heaps, a_pool_whose_size_class_is_too_large_is_none)
{
        const uint32_t class_index = UINT32_MAX / 16, max_next_offset = 16384;
        struct process p;

        process_make("1000-2000 r-xp 00000000 08:01 7 /usr/bin/python3.11\n"
                     "200000-210000 rw-p 00001000 08:01 7 /usr/bin/python3.11\n"
                     "40000000-40400000 rw-p 00000000 00:00 0 \n",
                     &p);
        make_python(&p, 0);
        put(&p, ARENA + 36, &class_index, sizeof(class_index));
        put(&p, ARENA + 44, &max_next_offset, sizeof(max_next_offset));
        cr_expect_not_null(strstr(take(&p)->refused, "not understood"));
        process_done(&p);
}

Test(heaps, v8s_pages_name_themselves)
{
        struct process p;
        const struct heap *h;

        process_make("1000-2000 r-xp 00000000 08:01 7 /usr/bin/node\n"
                     "40000000-40140000 rw-p 00000000 00:00 0 \n"
                     "50000000-50040000 r-xp 00000000 00:00 0 \n",
                     &p);
        for (uint64_t i = 0; i < 5; i++) {
                uint64_t at = ARENA + i * 0x40000;

                put(&p, at,
                    &(uint64_t[12]){0x40000, i == 4 ? 0x10 : 4, 0x5000, at + 0x1000, at + 0x40000, 0x20000, 0,
                                    0, 0, 0, at, 0x40000},
                    96);
        }
        h = take(&p);
        cr_expect_str_eq(h->name, "V8");
        cr_expect_eq(h->system, 5 * 0x40000);
        cr_expect_eq(h->types[0].bytes, 4 * 0x20000);
        cr_expect_eq(h->types[1].bytes, 0x40000);
        cr_expect_eq(h->n_regions, 1);
        process_done(&p);
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *data)
{
        (void)size;
        if (strstr(info->dlpi_name, "libc.so"))
                *(uint64_t *)data = info->dlpi_addr;
        return 0;
}

Test(heaps, exported_symbols_are_found_in_memory)
{
        struct remote_memory self;
        int proc = open("/proc/self", O_PATH | O_DIRECTORY);
        void *loaded = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD); /* a sanitizer has a qsort(), too */
        uint64_t libc = 0;

        dl_iterate_phdr(find_libc, &libc);
        cr_assert_neq(libc, 0);
        cr_assert_eq(remote_memory_open(proc, getpid(), true, &self), 0);
        cr_expect_eq(dynsym_find(&self, libc, "qsort"), (uint64_t)(uintptr_t)dlsym(loaded, "qsort"));
        cr_expect_neq(dynsym_find(&self, libc, "environ"), 0);
        cr_expect_eq(dynsym_find(&self, libc, "gHotSpotVMStructs"), 0);
        cr_expect_eq(dynsym_find(&self, libc + 4096, "environ"), 0);
        remote_memory_close(&self);
        dlclose(loaded);
        close(proc);
}
