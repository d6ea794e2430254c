/* SPDX-License-Identifier: MIT */
#include "render/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"

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

/* Does the terminal understand escape sequences? */
static bool is_capable(int fd)
{
        const char *term = getenv("TERM");

        return fd >= 0 && isatty(fd) && term && strcmp(term, "dumb") != 0;
}

static bool wants_color(void)
{
        const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */

        return !(no_color && *no_color);
}

void terminal_style(const struct terminal_choice *c, int fd, struct render_style *ret)
{
        struct winsize size;

        *ret = (struct render_style){
                .width = PLAIN_WIDTH, .color = is_capable(fd) && wants_color(), .all = c->all};
        if (c->color != COLOR_AUTO)
                ret->color = c->color == COLOR_ALWAYS;
        if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                ret->width = size.ws_col < TERMINAL_WIDEST ? size.ws_col : TERMINAL_WIDEST;
        if (c->width > 0)
                ret->width = c->width;
        if (ret->width < TERMINAL_NARROWEST)
                ret->width = TERMINAL_NARROWEST;
}

void progress_begin(struct progress *p)
{
        *p = (struct progress){.visible = is_capable(STDERR_FILENO)};
}

void progress_step(void *data, const char *what)
{
        struct progress *p = data;
        char line[TERMINAL_NARROWEST - sizeof("symbols: ")];

        if (!p->visible)
                return;
        escape_text(what, strlen(what), line, sizeof(line));
        fprintf(stderr, "\r\x1b[Ksymbols: %s", line);
        p->shown = true;
}

void progress_end(struct progress *p)
{
        if (p->shown)
                fputs("\r\x1b[K", stderr);
}
