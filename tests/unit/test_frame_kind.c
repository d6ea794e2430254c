/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/stacks/frame_kind.h"
#include "base/cleanup.h"

#define FRAMES 6

/* A frame for each name, innermost first: "module:function", "module:" without a name. */
static size_t place(const char *const names[])
{
        static char modules[FRAMES][32];
        struct report_frame frames[FRAMES] = {0};
        size_t n = 0;

        for (; n < FRAMES && names[n]; n++) {
                const char *colon = strchr(names[n], ':');

                snprintf(modules[n], sizeof(modules[n]), "/usr/lib/%.*s", (int)(colon - names[n]), names[n]);
                frames[n].module = modules[n];
                frames[n].function = colon[1] ? colon + 1 : NULL;
        }
        return frame_of_allocation(frames, n);
}

Test(frame_kind, finds_who_allocates_behind_allocators_and_wrappers)
{
        static const struct {
                const char *reason, *names[FRAMES];
                size_t place;
        } cases[] = {
                {"the caller of malloc", {"app:serve", "app:main"}, 0},
                {"libraries pass through",
                 {"libc.so.6:strdup", "libstdc++.so.6:operator new(unsigned long)", "app:serve"},
                 2},
                {"a container", {"app:std::vector<int>::push_back", "app:serve", "app:main"}, 1},
                {"redis", {"redis-server:zmalloc_usable", "redis-server:sdsnewlen", "redis-server:main"}, 1},
                {"PostgreSQL without its symbols: a nameless function under a wrapper",
                 {"postgres:", "postgres:palloc", "postgres:pstrdup", "postgres:copyObjectImpl"},
                 3},
                {"a nameless function that no wrapper called", {"app:", "app:serve", "app:main"}, 0},
                {"a nameless function that a container called is the program's",
                 {"app:", "app:std::function<void()>::operator()"},
                 0},
                {"nothing but wrappers", {"app:xmalloc", "app:xstrdup"}, 0},
                {"a nameless function at the end", {"app:"}, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect_eq(place(cases[i].names), cases[i].place, "%s", cases[i].reason);
}
