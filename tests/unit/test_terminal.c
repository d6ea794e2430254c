/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>

#include "render/terminal.h"

static int pty_of(unsigned short columns)
{
        struct winsize size = {.ws_col = columns, .ws_row = 24};
        int master, terminal;

        cr_assert_eq(openpty(&master, &terminal, NULL, NULL, &size), 0);
        return terminal;
}

static struct render_style style_of(struct terminal_choice choice, int fd)
{
        struct render_style style;

        terminal_style(&choice, fd, &style);
        return style;
}

Test(terminal, colour_only_where_somebody_can_see_it)
{
        static const struct {
                const char *term, *no_color;
                bool on_terminal, color;
        } cases[] = {
                {"xterm", NULL, true, true}, {"xterm", "1", true, false}, {"xterm", "", true, true},
                {"dumb", NULL, true, false}, {NULL, NULL, true, false},   {"xterm", NULL, false, false},
        };
        int terminal = pty_of(100), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int fd = cases[i].on_terminal ? terminal : null;

                unsetenv("TERM");
                unsetenv("NO_COLOR");
                if (cases[i].term)
                        setenv("TERM", cases[i].term, 1);
                if (cases[i].no_color)
                        setenv("NO_COLOR", cases[i].no_color, 1);
                cr_expect_eq(style_of((struct terminal_choice){0}, fd).color, cases[i].color, "case %zu", i);
                cr_expect(style_of((struct terminal_choice){.color = COLOR_ALWAYS}, fd).color);
                cr_expect_not(style_of((struct terminal_choice){.color = COLOR_NEVER}, fd).color);
        }
}

Test(terminal, width_is_the_terminals_within_reason)
{
        static const unsigned short columns[][2] = {
                {20, 80}, {80, 80}, {132, 132}, {500, 160}, {0, PLAIN_WIDTH}};

        for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
                cr_expect_eq(style_of((struct terminal_choice){0}, pty_of(columns[i][0])).width,
                             columns[i][1]);
        cr_expect_eq(style_of((struct terminal_choice){0}, -1).width, (unsigned)PLAIN_WIDTH);
        cr_expect_eq(style_of((struct terminal_choice){.width = 300}, pty_of(90)).width, 300u);
        cr_expect_eq(style_of((struct terminal_choice){.width = 5}, -1).width, 80u);
}

Test(terminal, a_word_that_is_no_choice_is_refused)
{
        struct terminal_choice c = {0};
        struct diag d;

        cr_expect_eq(terminal_parse_color("always", &c, &d), 0);
        cr_expect_eq(c.color, COLOR_ALWAYS);
        cr_expect_eq(terminal_parse_color("never", &c, &d), 0);
        cr_expect_eq(terminal_parse_color("auto", &c, &d), 0);
        cr_expect_eq(terminal_parse_color("yes", &c, &d), -EINVAL);
        cr_expect_eq(terminal_parse_color("", &c, &d), -EINVAL);
}
