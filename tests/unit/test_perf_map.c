/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/symbols/perf_map.h"

static const char map[] = "1000 20 LazyCompile:~first /srv/app.js:1\n"
                          "not a line\n"
                          "2000 10 other one\n"
                          "ffffffffffffffff 10 at the very end\n"
                          "fffffffffffffffffff 1 too large\n"
                          "1010 8 moved here later\n"
                          "3000 0 nothing\n"
                          "4000 10 half writ";

Test(perf_map, the_last_line_that_covers_an_address_is_right)
{
        static const struct {
                uint64_t address;
                const char *name;
        } cases[] = {
                {0xfff, NULL},
                {0x1000, "LazyCompile:~first /srv/app.js:1"},
                {0x1010, "moved here later"},
                {0x1017, "moved here later"},
                {0x1018, "LazyCompile:~first /srv/app.js:1"},
                {0x1020, NULL},
                {0x2000, "other one"},
                {0x3000, NULL},
                {0x4000, NULL}, /* its line is not whole */
                {UINT64_MAX, "at the very end"},
        };
        struct perf_map_query queries[sizeof(cases) / sizeof(*cases)] = {{0}};
        const size_t n = sizeof(cases) / sizeof(*cases);

        for (size_t i = 0; i < n; i++)
                queries[i].address = cases[i].address;
        perf_map_find(map, strlen(map), queries, n);
        for (size_t i = 0; i < n; i++)
                if (cases[i].name)
                        cr_expect(queries[i].name && strlen(cases[i].name) == queries[i].name_len &&
                                          memcmp(cases[i].name, queries[i].name, queries[i].name_len) == 0,
                                  "%#lx", (unsigned long)cases[i].address);
                else
                        cr_expect_null(queries[i].name, "%#lx", (unsigned long)cases[i].address);
}
