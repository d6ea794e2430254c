/* SPDX-License-Identifier: MIT */
/* bare_interposer - a preload that passes malloc and its kin on, and does nothing else: what no preload can be cheaper than. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

/* PASS(name, type of the result, parameters, arguments): a jump through a pointer, which is looked up at the first call. */
#define PASS(name, type, parameters, arguments)                                                              \
        static type name##_first parameters;                                                                 \
        static type(*name##_next) parameters = name##_first;                                                 \
        static type name##_first parameters                                                                  \
        {                                                                                                    \
                name##_next = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                   \
                return name##_next arguments;                                                                \
        }                                                                                                    \
        type name parameters                                                                                 \
        {                                                                                                    \
                return name##_next arguments;                                                                \
        }

PASS(malloc, void *, (size_t n), (n))
PASS(calloc, void *, (size_t count, size_t n), (count, n))
PASS(realloc, void *, (void *p, size_t n), (p, n))
PASS(free, void, (void *p), (p))
