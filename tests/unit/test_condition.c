/* SPDX-License-Identifier: MIT */
#include "capture/stacks/condition.h"

#include <criterion/criterion.h>
#include <string.h>

Test(condition, is_named_by_what_stands_in_the_way_first)
{
        static const struct {
                char state;
                unsigned threads;
                uint64_t flags;
                pid_t tracer;
                const char *name, *says;
        } cases[] = {
                {'S', 4, 0, 0, NULL, ""},
                {'R', 1, 0, 0, NULL, ""},
                {'D', 1, 0, 0, NULL, ""},
                {'T', 4, 0, 0, "stopped", "still is"},
                {'t', 4, 0, 77, "traced", "PID 77 (gdb)"},
                {'S', 4, 0, 77, "traced", "PID 77 (gdb)"},
                {'Z', 1, 4, 0, "zombie", "PID 5"},
                {'Z', 3, 4, 0, "leader-exited", "2 others"},
                {'Z', 1, 4, 77, "zombie", "PID 5"},
                {'X', 0, 4, 0, "zombie", "PID 5"},
                {'R', 1, 4, 0, "exiting", "ending"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct stat_brief s = {.state = cases[i].state,
                                       .n_threads = cases[i].threads,
                                       .flags = cases[i].flags,
                                       .ppid = 5};
                struct condition c = condition_judge(&s, cases[i].tracer, "gdb");

                if (cases[i].name)
                        cr_expect_str_eq(c.name, cases[i].name, "case %zu", i);
                else
                        cr_expect_null(c.name, "case %zu", i);
                cr_expect_eq(c.tracer, c.name && strcmp(c.name, "traced") == 0 ? 77 : 0, "case %zu", i);
                cr_expect(strstr(c.sentence, cases[i].says), "case %zu: %s", i, c.sentence);
        }
}
