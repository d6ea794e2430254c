/* SPDX-License-Identifier: MIT */
/* text - the report for people, in parts: one function per section of the page.
 *
 * Everything that came from outside goes through text_escaped(), every number has its unit, and no line is wider
 * than the style's width.  What is unknown shows as "?" or not at all, never as a number.  Long lists are cut at a
 * stated number of rows (text_rows(), text_more()); nothing else is left out.
 */
#ifndef SWANSONG_RENDER_TEXT_TEXT_H
#define SWANSONG_RENDER_TEXT_TEXT_H

#include "base/size.h"
#include "render/renderer.h"

struct text {
        const struct report *r;
        const struct render_style *style;
        struct buf *out;
};

typedef void text_section(const struct text *t);

/* --- sections, in text.c's order; one that has nothing to say prints nothing --- */
text_section text_first_screen, text_heap, text_census, text_heaps, text_malloc, text_notes, text_threads,
        text_memory, text_process, text_tree, text_cgroup, text_kill, text_sockets, text_fds, text_maps,
        text_system, text_history, text_missing;

/* Parts of text_system: who holds the memory (text_system_holders.c), what the kernel does about it. */
text_section text_system_holders, text_system_kernel;

/* --- pieces (text_write.c) --- */

/* All that follows, up to STYLE_PLAIN; nothing without colour. */
enum text_style { STYLE_PLAIN, STYLE_STRONG, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };
void text_style(const struct text *t, enum text_style style);
void text_styled(const struct text *t, enum text_style style, const char *s);

/* An empty line and the section's name; `detail` may be NULL. */
void text_title(const struct text *t, const char *title, const char *detail);

/* "name     ", the left column of the first screen and of the lists of facts; LABEL_COLUMNS blanks for "". */
#define LABEL_COLUMNS 10
void text_label(const struct text *t, const char *label);

/* Made safe, at most max columns ("…" marks what was left out at the end, or at the start with `tail`).
 * "?" for NULL. */
void text_escaped(const struct text *t, const char *s, size_t max);
void text_escaped_tail(const struct text *t, const char *s, size_t max);

/* Columns that a piece of our own output takes on a terminal: colours none, East Asian characters two. */
size_t text_columns(const char *s, size_t n);

/* Columns of the current line: used, and left until the width. */
size_t text_column(const struct text *t);
size_t text_left(const struct text *t);
void text_pad(const struct text *t, size_t column);

/* A paragraph: remember where it begins, append what it says, and break it into lines. Lines after the
 * first are indented. Never between a number and its unit. Ends the line. */
size_t text_begin(const struct text *t);
void text_wrap(const struct text *t, size_t begin, size_t indent);

/* "1.25 GiB", or "?" when unknown; right-aligned in SIZE_COLUMNS with _cell. */
#define SIZE_COLUMNS 8
void text_size(const struct text *t, uint64_t bytes);
void text_size_cell(const struct text *t, uint64_t bytes);
void text_heading(const struct text *t, const char *heading); /* the same for the name of such a column */

/* " 81 %", "<1 %", or blanks when either is unknown. */
void text_share(const struct text *t, uint64_t part, uint64_t whole);

/* A bar of that share, `columns` wide. */
void text_bar(const struct text *t, uint64_t part, uint64_t whole, size_t columns);

/* "210 us", "1.2 ms", "3.5 min" */
void text_duration(const struct text *t, double seconds);

/* How many of n rows to show: at most `max`, or all of them where the user asked for that. */
size_t text_rows(const struct text *t, size_t n, size_t max);

/* "… 59,800 more: --all, or report.json", if any. */
void text_more(const struct text *t, size_t n, const char *what);

/* "59,800" */
#define COUNT_TEXT 32
char *text_count(uint64_t n, char out[COUNT_TEXT]);

/* "f at a.c:3  program", without its number and the end of the line. */
void text_frame(const struct text *t, const struct report_frame *f);

#endif
