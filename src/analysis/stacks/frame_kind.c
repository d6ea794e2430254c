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

enum passing { PASSES_NOT, PASSES_CONTAINER, PASSES_WRAPPER };

static enum passing passes_through(const struct report_frame *f)
{
        static const struct {
                const char *prefix;
                enum passing how;
        } functions[] = {
#define WRAPPER(name)   {name, PASSES_WRAPPER},
#define CONTAINER(name) {name, PASSES_CONTAINER},
#include "analysis/stacks/allocation_wrappers.def"
#undef WRAPPER
#undef CONTAINER
        };

        if (frame_in_c_library(f) || frame_in_cpp_library(f) || in_allocator(f))
                return PASSES_CONTAINER;
        for (size_t i = 0; f->function && i < ARRAY_SIZE(functions); i++)
                if (starts(f->function, functions[i].prefix))
                        return functions[i].how;
        return PASSES_NOT;
}

size_t frame_of_allocation(const struct report_frame *frames, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (passes_through(&frames[i]) == PASSES_NOT &&
                    (frames[i].function || i + 1 == n || passes_through(&frames[i + 1]) != PASSES_WRAPPER))
                        return i;
        return 0;
}
