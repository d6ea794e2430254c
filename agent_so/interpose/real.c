/* SPDX-License-Identifier: MIT */
#include "agent_so/interpose/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent_so/state.h"
#include "agent_so/modules/elf_image.h"
#include "agent_so/sampling/filter.h"
#include "agent_so/modules/module_find.h"

/* dlsym() of glibc 2.36 needs none of it; older ones a few hundred bytes for their error state. */
#define BOOT_BYTES (64 << 10)
#define BOOT_ALIGN 64

static char boot_memory[BOOT_BYTES] __attribute__((aligned(4096)));
static size_t boot_used;

static uintptr_t allocator_start,
        allocator_end; /* mappings of the allocator's library, empty if it is the program */

/* Who resolves: calls of this thread meanwhile go to the boot buffer. */
static __thread bool resolving __attribute__((tls_model("initial-exec")));

static void *boot_alloc(size_t size, size_t alignment)
{
        size_t at, end;

        if (alignment < BOOT_ALIGN)
                alignment = BOOT_ALIGN;
        at = __atomic_load_n(&boot_used, __ATOMIC_RELAXED);
        do {
                /* The size stands in the 64 bytes before the block. */
                size_t start = (at + BOOT_ALIGN + alignment - 1) & ~(alignment - 1);

                if (size > BOOT_BYTES || start > BOOT_BYTES - size) {
                        errno = ENOMEM;
                        return NULL;
                }
                end = (start + size + BOOT_ALIGN - 1) & ~(size_t)(BOOT_ALIGN - 1);
                if (__atomic_compare_exchange_n(&boot_used, &at, end, false, __ATOMIC_RELAXED,
                                                __ATOMIC_RELAXED)) {
                        memcpy(boot_memory + start - sizeof(size), &size, sizeof(size));
                        filter_pin((uintptr_t)boot_memory + start);
                        return boot_memory + start;
                }
        } while (true);
}

void boot_pin(void)
{
        for (size_t at = 0; at < __atomic_load_n(&boot_used, __ATOMIC_RELAXED); at += BOOT_ALIGN)
                filter_pin((uintptr_t)boot_memory + at);
}

bool boot_owns(const void *p, size_t *ret_size)
{
        const char *c = p;

        if (c < boot_memory || c >= boot_memory + BOOT_BYTES)
                return false;
        memcpy(ret_size, c - sizeof(*ret_size), sizeof(*ret_size));
        return true;
}

static void *stub_malloc(size_t n)
{
        if (resolving)
                return boot_alloc(n, 0);
        real_resolve();
        return real.malloc(n);
}

static void *stub_calloc(size_t count, size_t size)
{
        size_t n;

        if (resolving) {
                if (__builtin_mul_overflow(count, size, &n)) {
                        errno = ENOMEM;
                        return NULL;
                }
                return boot_alloc(n, 0); /* zero: never used before */
        }
        real_resolve();
        return real.calloc(count, size);
}

static void *stub_realloc(void *p, size_t n)
{
        if (resolving)
                return p ? NULL : boot_alloc(n, 0);
        real_resolve();
        return real.realloc(p, n);
}

void real_free_first(void *p)
{
        if (resolving || !p)
                return;
        real_resolve();
        real.free(p);
}

static int stub_posix_memalign(void **ret, size_t alignment, size_t n)
{
        if (resolving) {
                *ret = boot_alloc(n, alignment);
                return *ret ? 0 : ENOMEM;
        }
        real_resolve();
        return real.posix_memalign(ret, alignment, n);
}

static void *stub_aligned_alloc(size_t alignment, size_t n)
{
        if (resolving)
                return boot_alloc(n, alignment);
        real_resolve();
        return real.aligned_alloc(alignment, n);
}

static void *stub_memalign(size_t alignment, size_t n)
{
        if (resolving)
                return boot_alloc(n, alignment);
        real_resolve();
        return real.memalign(alignment, n);
}

static void *stub_valloc(size_t n)
{
        if (resolving)
                return boot_alloc(n, 4096);
        real_resolve();
        return real.valloc(n);
}

static void *stub_pvalloc(size_t n)
{
        if (resolving)
                return boot_alloc((n + 4095) & ~(size_t)4095, 4096);
        real_resolve();
        return real.pvalloc(n);
}

struct real real = {
        .malloc = stub_malloc,
        .calloc = stub_calloc,
        .realloc = stub_realloc,
        .free = real_free_first,
        .posix_memalign = stub_posix_memalign,
        .aligned_alloc = stub_aligned_alloc,
        .memalign = stub_memalign,
        .valloc = stub_valloc,
        .pvalloc = stub_pvalloc,
};

/* What an allocator need not have (valloc, pvalloc) comes from nowhere rather than from another allocator. */
static void *no_block(size_t n)
{
        (void)n;
        errno = ENOMEM;
        return NULL;
}

static int no_posix_memalign(void **ret, size_t alignment, size_t n)
{
        (void)ret, (void)alignment, (void)n;
        return ENOMEM;
}

static void *no_aligned_block(size_t alignment, size_t n)
{
        (void)alignment, (void)n;
        errno = ENOMEM;
        return NULL;
}

struct definition {
        const char *name;
        uintptr_t address; /* in: what dlsym() found */
};

/* A program at a fixed address that takes a function's address has its own PLT entry as that address, for everybody
 * (psABI: a symbol that is undefined but has a value).  That entry jumps through the word which is to lead to us. */
static int find_definition(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct definition *d = arg;
        struct elf_image image;
        uintptr_t defined;

        (void)size;
        if (!elf_image_open(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, (size_t)getauxval(AT_PAGESZ),
                            &image) ||
            elf_image_holds(&image, agent_text_start, 1, PF_R))
                return 0;
        defined = elf_image_find(&image, d->name);
        if (!defined)
                return 0;
        d->address = defined;
        return 1; /* in the order of loading, which is that of the search */
}

void *real_symbol(const char *name)
{
        /* For who was dlopen()ed, "next" is among its own dependencies: the C library, whatever the program uses. */
        uintptr_t found = (uintptr_t)dlsym(agent_late ? RTLD_DEFAULT : RTLD_NEXT, name);

        if (agent_late && found && module_is_program(found)) {
                struct definition d = {name, found};

                dl_iterate_phdr(find_definition, &d);
                found = d.address;
        }
        return found - agent_text_start < agent_text_end - agent_text_start ? NULL : (void *)found;
}

#define RESOLVE(field, without)                                                                              \
        do {                                                                                                 \
                void *found_ = real_symbol(#field);                                                          \
                __atomic_store_n((void **)&next.field, found_ ? found_ : (void *)(without),                  \
                                 __ATOMIC_RELAXED);                                                          \
        } while (0)

void real_resolve(void)
{
        struct real next;
        struct module_range module;

        if (resolving)
                return;
        resolving = true;
        RESOLVE(malloc, NULL);
        RESOLVE(calloc, NULL);
        RESOLVE(realloc, NULL);
        RESOLVE(free, NULL);
        RESOLVE(posix_memalign, no_posix_memalign);
        RESOLVE(aligned_alloc, no_aligned_block);
        RESOLVE(memalign, no_aligned_block);
        RESOLVE(valloc, no_block);
        RESOLVE(pvalloc, no_block);
        if (!next.malloc || !next.calloc || !next.realloc || !next.free)
                __builtin_trap(); /* a program without an allocator: cannot be with libc in it */
        module_find_init();       /* we may be earlier than our constructor */
        if (module_find((uintptr_t)next.malloc, &module)) {
                allocator_start = module.start;
                allocator_end = module.end;
        }
        real = next;
        __atomic_store_n(&filter.free[0], next.free, __ATOMIC_RELAXED);
        resolving = false;
}

void real_resolve_once(void)
{
        if (real.malloc == stub_malloc)
                real_resolve();
}

bool real_is_allocator(uintptr_t pc)
{
        return pc - allocator_start < allocator_end - allocator_start;
}
