/* SPDX-License-Identifier: MIT */
/* text - the report for people, in parts: one function per section of the page.
 *
 * Everything that came from outside goes through text_escaped(); everything printed has a unit.
 */
#ifndef SWANSONG_RENDER_TEXT_H
#define SWANSONG_RENDER_TEXT_H

#include "base/size.h"
#include "render/renderer.h"

struct text {
        const struct report *r;
        const struct render_style *style;
        struct buf *out;
};

/* --- sections, in the order of the page --- */
void text_first_screen(const struct text *t);
void text_threads(const struct text *t);
void text_tree(const struct text *t);
void text_cgroup(const struct text *t);
void text_sockets(const struct text *t);
void text_fds(const struct text *t);
void text_maps(const struct text *t);
void text_system(const struct text *t);
void text_history(const struct text *t);
void text_missing(const struct text *t);

/* --- pieces --- */

/* An empty line and the section's name; `detail` may be NULL. */
void text_title(const struct text *t, const char *title, const char *detail);

/* "name     " of the first screen's left column. */
void text_label(const struct text *t, const char *label);

/* Made safe, at most max columns ("…" marks what was left out at the end, or at the start with `tail`). "?" for NULL. */
void text_escaped(const struct text *t, const char *s, size_t max);
void text_escaped_tail(const struct text *t, const char *s, size_t max);

/* Bold and back, if in colour. */
void text_strong(const struct text *t, const char *s);

/* "1.25 GiB", or "?" when unknown, right-aligned in SIZE_COLUMNS with _cell. */
#define SIZE_COLUMNS 9
void text_size(const struct text *t, uint64_t bytes);
void text_size_cell(const struct text *t, uint64_t bytes);

/* Columns of text without escapes of ours: how many characters. */
size_t text_columns(const char *s);

/* part/whole in percent, rounded; 0 when the whole is 0 or either is unknown. */
unsigned text_percent(uint64_t part, uint64_t whole);

#endif
