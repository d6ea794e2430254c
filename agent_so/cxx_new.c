/* SPDX-License-Identifier: MIT */
/* cxx_new - operator new and delete.
 *
 * Those of libstdc++ and libc++ call malloc(), which is ours: they are passed on and counted there.  jemalloc, tcmalloc and
 * mimalloc bring their own, which do not: where the next operator lies in the allocator's library it is counted here.
 *
 * The next one is looked up at the first call: behind us in the program's scope, or, when a plugin brought its C++ library
 * along (dlopen with RTLD_LOCAL), in the C++ library that is loaded.
 *
 * An exception (bad_alloc) passes through these functions: they hold nothing while the real operator runs.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "agent_so/module_find.h"
#include "agent_so/real.h"
#include "agent_so/sample.h"

#define SLOW __attribute__((noinline, cold))

enum { PASS_ON = 1, COUNT = 2 };

struct operator_ {
        void *next;
        int how; /* 0: not looked up yet */
};

static void *find_elsewhere(const char *name)
{
        static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};

        for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
                void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD), *found;

                if (!library)
                        continue;
                found = dlsym(library, name);
                dlclose(library);
                if (found)
                        return found;
        }
        return NULL;
}

static SLOW void look_up(struct operator_ *op, const char *name, void *without)
{
        void *next;

        real_resolve_once();
        next = real_symbol(name);
        if (!next)
                next = find_elsewhere(name);
        if (!next)
                next = without;
        __atomic_store_n(&op->next, next, __ATOMIC_RELAXED);
        __atomic_store_n(&op->how, real_is_allocator((uintptr_t)next) ? COUNT : PASS_ON, __ATOMIC_RELEASE);
}

/* No C++ library is there to throw for us. */
static void *plain_new(size_t n)
{
        void *p = malloc(n ? n : 1);

        if (!p)
                abort();
        return p;
}

static void *nothrow_new(size_t n, const void *nothrow)
{
        (void)nothrow;
        return malloc(n ? n : 1);
}

static void *aligned_new(size_t n, size_t alignment)
{
        void *p = NULL;

        if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, n ? n : 1) != 0)
                abort();
        return p;
}

static void *aligned_nothrow_new(size_t n, size_t alignment, const void *nothrow)
{
        void *p = NULL;

        (void)nothrow;
        return posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, n ? n : 1) == 0
                       ? p
                       : NULL;
}

static inline bool look_up_how(struct operator_ *op, const char *name, void *without)
{
        int how = __atomic_load_n(&op->how, __ATOMIC_ACQUIRE);

        if (unlikely(how == 0)) {
                look_up(op, name, without);
                how = op->how;
        }
        return how == COUNT;
}

/* NEW(function, symbol, type of the function, parameters, arguments, what stands in for a missing one) */
#define NEW(function, symbol, type, parameters, arguments, without)                                          \
        static struct operator_ op_##function;                                                               \
        static SLOW void *function##_sampled parameters                                                      \
        {                                                                                                    \
                return sample_passed(((type)op_##function.next)arguments, n);                                \
        }                                                                                                    \
        EXPORT void *function parameters __asm__(symbol);                                                    \
        void *function parameters                                                                            \
        {                                                                                                    \
                if (look_up_how(&op_##function, symbol, (void *)(without)) && sample_due(n))                 \
                        return function##_sampled arguments;                                                 \
                return ((type)op_##function.next)arguments;                                                  \
        }

/* DELETE(function, symbol, type, parameters, arguments) */
#define DELETE(function, symbol, type, parameters, arguments)                                                \
        static struct operator_ op_##function;                                                               \
        EXPORT void function parameters __asm__(symbol);                                                     \
        void function parameters                                                                             \
        {                                                                                                    \
                if (look_up_how(&op_##function, symbol, (void *)free) && unlikely(filter_hit((uintptr_t)p))) \
                        sample_remove(p);                                                                    \
                ((type)op_##function.next) arguments;                                                        \
        }

#include "agent_so/cxx_new.def"
