/* SPDX-License-Identifier: MIT */
/* The pieces of the page: what every section is written with. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/escape.h"
#include "render/text/text.h"

/* With --all paths are not cut either. */
#define WIDTH_WITHOUT_END 100000

void text_style(const struct text *t, enum text_style style)
{
        static const char *const codes[] = {
                [STYLE_PLAIN] = "\x1b[0m", [STYLE_STRONG] = "\x1b[1m",  [STYLE_DIM] = "\x1b[2m",
                [STYLE_GOOD] = "\x1b[32m", [STYLE_WARN] = "\x1b[1;33m", [STYLE_BAD] = "\x1b[1;31m",
        };

        if (t->style->color)
                buf_str(t->out, codes[style]);
}

void text_styled(const struct text *t, enum text_style style, const char *s)
{
        text_style(t, style);
        buf_str(t->out, s);
        text_style(t, STYLE_PLAIN);
}

void text_title(const struct text *t, const char *title, const char *detail)
{
        size_t begin;

        buf_char(t->out, '\n');
        begin = text_begin(t);
        text_styled(t, STYLE_STRONG, title);
        if (detail)
                buf_printf(t->out, "  %s", detail);
        text_wrap(t, begin, strlen(title) + 2);
}

void text_label(const struct text *t, const char *label)
{
        if (*label)
                text_styled(t, STYLE_STRONG, label);
        text_pad(t, LABEL_COLUMNS);
}

/* wcwidth() knows, if LC_CTYPE is an UTF-8 one (main() sees to that); else a character is a column. */
static size_t char_columns(const char *s, size_t n)
{
        wchar_t wide;
        int columns = mbtowc(&wide, s, n) == (int)n ? wcwidth(wide) : 1;

        return columns < 0 ? 1 : (size_t)columns;
}

/* The character or colour code at s[0..n): its bytes, and the columns it takes. */
static size_t step(const char *s, size_t n, size_t *ret_columns)
{
        size_t bytes = utf8_char_len(s, n);

        *ret_columns = 1;
        if (*s == '\x1b') {
                const char *end = memchr(s, 'm', n);

                *ret_columns = 0;
                return end ? (size_t)(end - s) + 1 : n;
        }
        if (bytes > 1)
                *ret_columns = char_columns(s, bytes);
        return bytes ? bytes : 1;
}

size_t text_columns(const char *s, size_t n)
{
        size_t sum = 0, columns;

        for (size_t i = 0; i < n; sum += columns)
                i += step(s + i, n - i, &columns);
        return sum;
}

/* The bytes of s that fit into `max` columns. */
static size_t fitting(const char *s, size_t n, size_t max)
{
        size_t i = 0, sum = 0, columns;

        while (i < n) {
                size_t bytes = step(s + i, n - i, &columns);

                if (sum + columns > max)
                        break;
                sum += columns;
                i += bytes;
        }
        return i;
}

static size_t line_column(const struct buf *b, size_t end)
{
        const char *newline = end ? memrchr(b->data, '\n', end) : NULL;
        size_t begin = newline ? (size_t)(newline - b->data) + 1 : 0;

        return end ? text_columns(b->data + begin, end - begin) : 0;
}

size_t text_column(const struct text *t)
{
        return line_column(t->out, t->out->len);
}

size_t text_left(const struct text *t)
{
        size_t width = t->style->all ? WIDTH_WITHOUT_END : t->style->width, column = text_column(t);

        return column < width ? width - column : 0;
}

void text_pad(const struct text *t, size_t column)
{
        size_t now = text_column(t);

        buf_printf(t->out, "%*s", (int)(now < column ? column - now : 0), "");
}

/* Where the last max - 1 columns begin; in a path rather behind a whole name. */
static size_t tail_of(const char *s, size_t n, size_t columns, size_t max)
{
        size_t at = fitting(s, n, columns - (max - 1)), ignored;
        const char *slash;

        /* Half of a wide character may be left over: it goes, too. */
        if (text_columns(s + at, n - at) > max - 1)
                at += step(s + at, n - at, &ignored);
        slash = memchr(s + at, '/', n - at);
        return slash ? (size_t)(slash - s) : at;
}

static void add_escaped(const struct text *t, const char *s, size_t max, bool keep_tail)
{
        _cleanup_free_ char *safe = s ? escape_dup(s, strlen(s)) : NULL;
        size_t n = safe ? strlen(safe) : 0, columns = safe ? text_columns(safe, n) : 0;

        if (!safe) {
                buf_char(t->out, '?');
        } else if (columns <= max) {
                buf_add(t->out, safe, n);
        } else if (max == 0) {
                return;
        } else if (keep_tail) {
                size_t cut = tail_of(safe, n, columns, max);

                buf_str(t->out, "…");
                buf_add(t->out, safe + cut, n - cut);
        } else {
                buf_add(t->out, safe, fitting(safe, n, max - 1));
                buf_str(t->out, "…");
        }
}

void text_escaped(const struct text *t, const char *s, size_t max)
{
        add_escaped(t, s, max, false);
}

void text_escaped_tail(const struct text *t, const char *s, size_t max)
{
        add_escaped(t, s, max, true);
}

size_t text_begin(const struct text *t)
{
        return t->out->len;
}

static void new_line(const struct text *t, size_t begin, size_t indent)
{
        struct buf *b = t->out;

        while (b->len > begin && b->data[b->len - 1] == ' ')
                b->len--;
        buf_printf(b, "\n%*s", (int)indent, "");
}

static bool can_break(const char *s, size_t at)
{
        return s[at] == ' ' && at > 0 && !(s[at - 1] >= '0' && s[at - 1] <= '9');
}

/* One word, with the blank before it; onto a line of its own when it does not fit, in pieces when no line
 * is long enough. */
static void add_word(const struct text *t, size_t begin, const char *word, size_t n, size_t indent,
                     size_t *column)
{
        size_t columns = text_columns(word, n), width = t->style->width;

        if (*column > indent && *column + columns > width) {
                new_line(t, begin, indent);
                *column = indent;
                if (n > 0 && *word == ' ') {
                        word++;
                        n--;
                        columns--;
                }
        }
        while (*column + columns > width) {
                size_t piece = fitting(word, n, width - *column);

                if (piece == 0)
                        break;
                buf_add(t->out, word, piece);
                new_line(t, begin, indent);
                word += piece;
                n -= piece;
                columns = text_columns(word, n);
                *column = indent;
        }
        buf_add(t->out, word, n);
        *column += columns;
}

void text_wrap(const struct text *t, size_t begin, size_t indent)
{
        size_t n = t->out->len > begin ? t->out->len - begin : 0;
        _cleanup_free_ char *said = n && !t->out->cut ? strndup(t->out->data + begin, n) : NULL;

        /* Memory is out: the words are there, in one long line. */
        if (said) {
                size_t column = line_column(t->out, begin);

                t->out->len = begin;
                t->out->data[begin] = '\0';
                for (size_t from = 0, at = 1; from < n; from = at++) {
                        while (at < n && !can_break(said, at))
                                at++;
                        add_word(t, begin, said + from, at - from, indent, &column);
                }
        }
        buf_char(t->out, '\n');
}
