/* SPDX-License-Identifier: MIT */
#include "render/text.h"

#include <string.h>

#include "base/escape.h"

void render_text(const struct report *r, const struct render_style *style, struct buf *out)
{
        struct text t = {.r = r, .style = style, .out = out};

        text_first_screen(&t);
        text_threads(&t);
        text_tree(&t);
        text_cgroup(&t);
        text_sockets(&t);
        text_fds(&t);
        text_maps(&t);
        text_system(&t);
        text_history(&t);
        text_missing(&t);
}

void text_strong(const struct text *t, const char *s)
{
        if (t->style->color)
                buf_str(t->out, "\x1b[1m");
        buf_str(t->out, s);
        if (t->style->color)
                buf_str(t->out, "\x1b[0m");
}

void text_title(const struct text *t, const char *title, const char *detail)
{
        buf_char(t->out, '\n');
        text_strong(t, title);
        if (detail)
                buf_printf(t->out, "  %s", detail);
        buf_char(t->out, '\n');
}

void text_label(const struct text *t, const char *label)
{
        text_strong(t, label);
        buf_printf(t->out, "%*s", 10 - (int)strlen(label), "");
}

size_t text_columns(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

/* The byte offset of the character that has `skip` characters before it. */
static size_t offset_of(const char *s, size_t skip)
{
        size_t i = 0;

        while (s[i] && skip > 0) {
                i++;
                while (((unsigned char)s[i] & 0xc0) == 0x80)
                        i++;
                skip--;
        }
        return i;
}

static void add_escaped(const struct text *t, const char *s, size_t max, bool keep_tail)
{
        _cleanup_free_ char *safe = s ? escape_dup(s, strlen(s)) : NULL;
        size_t n;

        if (!safe) {
                buf_char(t->out, '?');
                return;
        }
        n = text_columns(safe);
        if (n <= max) {
                buf_str(t->out, safe);
        } else if (keep_tail) {
                buf_str(t->out, "…");
                buf_str(t->out, safe + offset_of(safe, n - max + 1));
        } else {
                buf_add(t->out, safe, offset_of(safe, max - 1));
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

void text_size(const struct text *t, uint64_t bytes)
{
        char size[SIZE_TEXT];

        buf_str(t->out, bytes == REPORT_UNKNOWN ? "?" : size_format(bytes, size));
}

void text_size_cell(const struct text *t, uint64_t bytes)
{
        char size[SIZE_TEXT];

        buf_printf(t->out, "%*s", SIZE_COLUMNS, bytes == REPORT_UNKNOWN ? "?" : size_format(bytes, size));
}

unsigned text_percent(uint64_t part, uint64_t whole)
{
        if (whole == 0 || part == REPORT_UNKNOWN || whole == REPORT_UNKNOWN)
                return 0;
        return (unsigned)((double)part * 100 / (double)whole + 0.5);
}
