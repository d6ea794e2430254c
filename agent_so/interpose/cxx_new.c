/* SPDX-License-Identifier: MIT */
/* cxx_new - operator new and delete.
 *
 * Those of libstdc++ and libc++ call malloc(), which is ours: they are passed on and counted there.  jemalloc, tcmalloc and
 * mimalloc bring their own, which do not: where the next operator lies in the allocator's library it is counted here.
 *
 * The next one is looked up at the first call: behind us in the program's scope, or, when a plugin brought its C++ library
 * along (dlopen with RTLD_LOCAL), in the C++ library that is loaded.
 *
 * Not all of an allocator's own are apart from its malloc: jemalloc's aligned ones call aligned_alloc().  Whether one passes
 * through us is seen at the first block it gives: the countdown has moved then.
 *
 * An exception (bad_alloc) passes through these functions: they hold nothing while the real operator runs.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "agent_so/modules/module_find.h"
#include "agent_so/interpose/real.h"
#include "agent_so/recorder/live_table.h"
#include "agent_so/sampling/sample.h"

#define SLOW __attribute__((noinline, cold))

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

static SLOW void *look_up(const char *name, void *without)
{
        void *next;

        real_resolve_once();
        next = real_symbol(name);
        if (!next)
                next = find_elsewhere(name);
        return next ? next : without;
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

/* An exception may leave it so: a loss of so many bytes, once. */
#define PROBE_LEFT (UINT64_C(32) << 20)

/* Blocks of this size show whether the countdown is moved behind the operator; of others the live table knows whether they were
 * recorded there. */
static bool is_probe(size_t n)
{
        return n > 0 && n < PROBE_LEFT;
}

static bool is_recorded(const void *p)
{
        struct recorder_live record;

        return filter_hit((uintptr_t)p) && agent.state == AGENT_ON && live_table_get((uintptr_t)p, &record);
}

/* Each operator is a jump through a pointer: first to NAME_first(), which looks the next one up; from then on to that one
 * itself, or, where it does not come through malloc() (NAME_probed() finds out), to NAME_counted().  Both pointers are single words: threads that meet
 * in NAME_first() store the same. */
#define STORE_NEXT(name, next_, counted)                                                                     \
        __atomic_store_n(&name##_next, (next_), __ATOMIC_RELEASE);                                           \
        __atomic_store_n(&name##_call, real_is_allocator((uintptr_t)(next_)) ? (counted) : (next_),          \
                         __ATOMIC_RELEASE)

typedef void *(*new_plain)(size_t);
typedef void *(*new_nothrow)(size_t, const void *);
typedef void *(*new_aligned)(size_t, size_t);
typedef void *(*new_aligned_nothrow)(size_t, size_t, const void *);
typedef void (*delete_plain)(void *);
typedef void (*delete_size)(void *, size_t);
typedef void (*delete_nothrow)(void *, const void *);
typedef void (*delete_two_sizes)(void *, size_t, size_t);
typedef void (*delete_size_nothrow)(void *, size_t, const void *);

/* NEW(name, symbol, type of the function, parameters, arguments, what stands in for a missing one) */
#define NEW(name, symbol, type, parameters, arguments, without)                                              \
        static void *name##_first parameters;                                                                \
        static type name##_next, name##_call = name##_first;                                                 \
        static SLOW void *name##_sampled parameters                                                          \
        {                                                                                                    \
                return sample_passed(name##_next arguments, n);                                              \
        }                                                                                                    \
        static void *name##_counted parameters                                                               \
        {                                                                                                    \
                if (sample_due(n))                                                                           \
                        return name##_sampled arguments;                                                     \
                return name##_next arguments;                                                                \
        }                                                                                                    \
        static SLOW void *name##_probed parameters                                                           \
        {                                                                                                    \
                uint64_t left = agent_thread.left;                                                           \
                void *p;                                                                                     \
                                                                                                             \
                if (is_probe(n))                                                                             \
                        agent_thread.left = PROBE_LEFT;                                                      \
                p = name##_next arguments;                                                                   \
                if (is_probe(n)) {                                                                           \
                        __atomic_store_n(&name##_call,                                                       \
                                         agent_thread.left == PROBE_LEFT ? name##_counted : name##_next,     \
                                         __ATOMIC_RELEASE);                                                  \
                        agent_thread.left = left;                                                            \
                }                                                                                            \
                return sample_due(n) && !is_recorded(p) ? sample_passed(p, n) : p;                           \
        }                                                                                                    \
        static SLOW void *name##_first parameters                                                            \
        {                                                                                                    \
                type next = (type)look_up(symbol, (void *)(without));                                        \
                                                                                                             \
                STORE_NEXT(name, next, name##_probed);                                                       \
                return name##_call arguments;                                                                \
        }                                                                                                    \
        EXPORT void *name parameters __asm__(symbol);                                                        \
        void *name parameters                                                                                \
        {                                                                                                    \
                return __atomic_load_n(&name##_call, __ATOMIC_ACQUIRE) arguments;                            \
        }

/* DELETE(name, symbol, type, parameters, arguments) */
#define DELETE(name, symbol, type, parameters, arguments)                                                    \
        static void name##_first parameters;                                                                 \
        static type name##_next, name##_call = name##_first;                                                 \
        static void name##_counted parameters                                                                \
        {                                                                                                    \
                if (unlikely(filter_hit((uintptr_t)p)))                                                      \
                        sample_remove(p);                                                                    \
                name##_next arguments;                                                                       \
        }                                                                                                    \
        static SLOW void name##_first parameters                                                             \
        {                                                                                                    \
                type next = (type)look_up(symbol, (void *)free);                                             \
                                                                                                             \
                STORE_NEXT(name, next, name##_counted);                                                      \
                name##_call arguments;                                                                       \
        }                                                                                                    \
        EXPORT void name parameters __asm__(symbol);                                                         \
        void name parameters                                                                                 \
        {                                                                                                    \
                __atomic_load_n(&name##_call, __ATOMIC_ACQUIRE) arguments;                                   \
        }

#include "agent_so/interpose/cxx_new.def"
