/* SPDX-License-Identifier: MIT */
/* renderer - the table of output formats: one row in renderers.def, one function here.
 *
 * A renderer computes nothing and reads nothing but the report.  It appends to a buffer; what the buffer's bound
 * or memory does not let in sets out->cut.
 */
#ifndef SWANSONG_RENDER_RENDERER_H
#define SWANSONG_RENDER_RENDERER_H

#include <stdbool.h>

#include "analysis/report.h"
#include "base/buf.h"

struct render_style {
        unsigned width; /* columns; what is longer is wrapped or shortened */
        bool color;     /* ANSI colours */
        bool all;       /* no list is cut, and no path */
};

typedef void renderer(const struct report *r, const struct render_style *style, struct buf *out);

#define RENDERER(name, purpose) renderer render_##name;
#include "render/renderers.def"
#undef RENDERER

/* The renderer called `name`, or NULL. */
renderer *renderer_find(const char *name);

/* "text, json": for messages. */
const char *renderer_names(void);

/* One indented line per format, for the help. */
const char *renderer_help(void);

#endif
