/* SPDX-License-Identifier: MIT */
/* terminal - is somebody looking, how wide, in colour?  And the line that says why it takes a moment. */
#ifndef SWANSONG_RENDER_TERMINAL_H
#define SWANSONG_RENDER_TERMINAL_H

#include <stdbool.h>

#include "base/diag.h"
#include "render/renderer.h"

#define TERMINAL_NARROWEST 80
#define TERMINAL_WIDEST    160 /* longer lines are hard to read */
#define PLAIN_WIDTH        100 /* of files and pipes */

struct terminal_choice {
        enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color;
        unsigned width; /* 0: the terminal's */
        bool all;
};

/* "auto", "always", "never".  0, or -EINVAL with d filled. */
int terminal_parse_color(const char *text, struct terminal_choice *c, struct diag *d);

/* What suits the output fd (-1: a file).  $NO_COLOR and TERM=dumb are honoured. */
void terminal_style(const struct terminal_choice *c, int fd, struct render_style *ret);

/* One line on stderr while something slow is read, only if that is a terminal; erased at the end. */
struct progress {
        bool visible, shown;
};

void progress_begin(struct progress *p);
void progress_step(void *p, const char *what);
void progress_end(struct progress *p);

#endif
