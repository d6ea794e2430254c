/* SPDX-License-Identifier: MIT */
#include "analysis/stacks/frame_kind.h"

#include <string.h>

#include "base/cleanup.h"

static bool starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool in_module(const struct report_frame *f, const char *const *names, size_t n)
{
        const char *slash = f->module ? strrchr(f->module, '/') : NULL;
        const char *base = slash ? slash + 1 : f->module ? f->module : "";

        for (size_t i = 0; i < n; i++)
                if (starts(base, names[i]))
                        return true;
        return false;
}

bool frame_in_c_library(const struct report_frame *f)
{
        static const char *const names[] = {"libc.so", "libc-2", "libpthread", "ld-linux", "ld-musl", "ld-2"};

        return in_module(f, names, ARRAY_SIZE(names));
}

/* std::thread begins there. */
bool frame_in_cpp_library(const struct report_frame *f)
{
        static const char *const names[] = {"libstdc++", "libc++"};

        return in_module(f, names, ARRAY_SIZE(names));
}

bool frame_is_inlined_std(const struct report_frame *f)
{
        return f->inlined && f->function && starts(f->function, "std::");
}

static bool in_allocator(const struct report_frame *f)
{
        static const char *const names[] = {"libswansong", "libjemalloc", "libtcmalloc", "libmimalloc",
                                            "libglib-"};

        return in_module(f, names, ARRAY_SIZE(names));
}

/* Programs' own wrappers, as GNU's and many others call them, and what C++ makes of a container. */
static bool is_wrapper(const char *function)
{
        static const char *const names[] = {"xmalloc",  "xcalloc",   "xrealloc",  "xreallocarray", "xstrdup",
                                            "xmemdup",  "zmalloc",   "zcalloc",   "zrealloc",      "zstrdup",
                                            "g_malloc", "g_malloc0", "g_realloc", "g_strdup"};
        static const char *const prefixes[] = {"std::",  "__gnu_cxx::",     "operator new",     "void std::",
                                               "PyMem_", "PyObject_Malloc", "_PyObject_Malloc", "_PyMem_"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(function, names[i]) == 0)
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (starts(function, prefixes[i]))
                        return true;
        return false;
}

size_t frame_of_allocation(const struct report_frame *frames, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct report_frame *f = &frames[i];

                if (!frame_in_c_library(f) && !frame_in_cpp_library(f) && !in_allocator(f) &&
                    !(f->function && is_wrapper(f->function)))
                        return i;
        }
        return 0;
}
