/* SPDX-License-Identifier: MIT */
#include "render/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"

#define NARROWEST 60
#define WIDEST    160
#define MOMENT_NS (200 * NS_PER_MS)

int terminal_parse_color(const char *text, struct terminal_choice *c, struct diag *d)
{
        static const char *const words[] = {
                [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(text, words[i]) == 0) {
                        c->color = i;
                        return 0;
                }
        return diag_set(d, -EINVAL, "--color '%.40s': it is auto, always or never", text);
}

static bool wants_color(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void terminal_style(const struct terminal_choice *c, int fd, struct render_style *ret)
{
        bool is_terminal = fd >= 0 && isatty(fd);
        struct winsize size;

        *ret = (struct render_style){.width = PLAIN_WIDTH, .color = is_terminal && wants_color()};
        if (c->color != COLOR_AUTO)
                ret->color = c->color == COLOR_ALWAYS;
        if (is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                ret->width = size.ws_col < WIDEST ? size.ws_col : WIDEST;
        if (c->width > 0)
                ret->width = c->width;
        if (ret->width < NARROWEST)
                ret->width = NARROWEST;
}

void progress_begin(struct progress *p, const char *bundle)
{
        *p = (struct progress){
                .bundle = bundle, .visible = isatty(STDERR_FILENO), .begin_ns = clock_monotonic_ns()};
}

void progress_step(void *data, const char *what)
{
        struct progress *p = data;
        char line[80];

        if (!p->visible || clock_monotonic_ns() - p->begin_ns < MOMENT_NS)
                return;
        escape_text(what, strlen(what), line, sizeof(line));
        fprintf(stderr, "\r\x1b[K%s", line);
        p->shown = true;
}

void progress_end(struct progress *p)
{
        if (p->shown)
                fputs("\r\x1b[K", stderr);
}
