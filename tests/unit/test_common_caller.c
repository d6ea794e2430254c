/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "analysis/heap/common_caller.h"
#include "base/cleanup.h"

#define FRAMES 6
#define SITES  4

struct stack {
        uint64_t mib;
        const char *functions[FRAMES]; /* innermost first; "" has no name */
        bool cut;
};

/* Its name, or "-". */
static const char *caller(const struct stack stacks[SITES], uint64_t *ret_bytes)
{
        static struct report_frame frames[SITES][FRAMES];
        struct report_site sites[SITES] = {0};
        const struct report_frame *found;
        size_t n = 0;

        for (; n < SITES && stacks[n].mib > 0; n++) {
                struct report_site *s = &sites[n];

                s->live_bytes = stacks[n].mib << 20;
                s->complete = !stacks[n].cut;
                s->frames = frames[n];
                for (size_t k = 0; k < FRAMES && stacks[n].functions[k]; k++)
                        frames[n][s->n_frames++] = (struct report_frame){
                                .function = stacks[n].functions[k][0] ? stacks[n].functions[k] : NULL,
                                .module = "/usr/bin/server"};
        }
        cr_assert_eq(common_caller(sites, n, &found, ret_bytes), 0);
        return found ? found->function : "-";
}

Test(common_caller, is_where_the_way_of_two_thirds_from_main_on_parts)
{
        static const struct {
                const char *reason;
                struct stack stacks[SITES];
                const char *caller;
                uint64_t mib;
        } cases[] = {
                {"the deepest that all have in common",
                 {{3, {"copy_plan", "prepare", "run", "main"}, false},
                  {3, {"copy_list", "prepare", "run", "main"}, false}},
                 "prepare",
                 6},
                {"a third may come from elsewhere",
                 {{4, {"a", "prepare", "run", "main"}, false},
                  {4, {"b", "prepare", "run", "main"}, false},
                  {3, {"portal", "run", "main"}, false}},
                 "prepare",
                 8},
                {"more than a third may not",
                 {{2, {"a", "prepare", "run", "main"}, false},
                  {2, {"b", "prepare", "run", "main"}, false},
                  {3, {"portal", "run", "main"}, false}},
                 "run",
                 7},
                {"a recursion is no way that all go",
                 {{2, {"copy", "copy", "copy", "run", "main"}, false}, {3, {"other", "run", "main"}, false}},
                 "run",
                 5},
                {"wrappers around malloc are nobody",
                 {{4, {"palloc", "a", "main"}, false}, {4, {"palloc", "b", "main"}, false}},
                 "-",
                 0},
                {"nor is main, or what has no name",
                 {{4, {"a", "", "main"}, false}, {4, {"b", "", "main"}, false}},
                 "-",
                 0},
                {"stacks that were cut are nobody's",
                 {{4, {"a", "prepare"}, true}, {4, {"b", "prepare"}, false}},
                 "-",
                 0},
                {"no site at all", {{0}}, "-", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t bytes;

                cr_expect_str_eq(caller(cases[i].stacks, &bytes), cases[i].caller, "%s", cases[i].reason);
                cr_expect_eq(bytes >> 20, cases[i].mib, "%s: %zu", cases[i].reason, (size_t)bytes);
        }
}
