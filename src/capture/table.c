/* SPDX-License-Identifier: MIT */
#include "capture/table.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/oom/storm.h"

/* From this many gathered bytes on they are written; a row with two names of PATH_MAX bytes fits into the rest. */
#define WRITE_AT (COLLECT_BUFFER / 4)
_Static_assert(COLLECT_BUFFER - WRITE_AT > 2 * ESCAPE_MAX_GROWTH * PATH_MAX + 1024, "a row must fit");

void table_begin(struct table *t, struct collect *c, const struct collector *row, const char *header)
{
        *t = (struct table){.c = c, .row = row, .text = BUF_FIXED(c->buffer, COLLECT_BUFFER)};
        section_begin(c->writer, row->name, row->optional);
        buf_str(&t->text, header);
}

static void flush(struct table *t)
{
        section_write(t->c->writer, t->text.data, t->text.len);
        t->bytes += t->text.len;
        buf_reset(&t->text);
}

bool table_goes_on(struct table *t)
{
        if (t->text.len >= WRITE_AT)
                flush(t);
        t->over = t->bytes > t->row->cap || collect_late(t->c);
        return !t->over;
}

void table_print(struct table *t, const char *format, ...)
{
        va_list args;
        size_t left = t->text.size - t->text.len;
        int n;

        va_start(args, format);
        n = vsnprintf(t->text.data + t->text.len, left, format, args);
        va_end(args);
        if (n > 0 && (size_t)n < left)
                t->text.len += (size_t)n;
}

void table_cell(struct table *t, const char *text, size_t len)
{
        char cell[ESCAPE_MAX_GROWTH * PATH_MAX];

        if (len == 0)
                buf_char(&t->text, '-');
        else
                buf_add(&t->text, cell, escape_cell(text, len < PATH_MAX ? len : PATH_MAX, cell));
}

void table_end(struct table *t, int err)
{
        bool none = t->bytes == 0 && !strchr(t->text.data, '\n');

        flush(t);
        if (t->over)
                section_end(t->c->writer, SECTION_CUT, t->bytes > t->row->cap ? 0 : ETIME,
                            "not all rows: too many, or too slow to read");
        else if (err)
                section_end(t->c->writer, none ? SECTION_MISSING : SECTION_CUT, err, NULL);
        else
                section_end(t->c->writer, SECTION_OK, 0, NULL);
}

bool tables_due(struct storm *s, struct bundle_writer *w)
{
        static const char *const tables[] = {"groups.tsv", "processes.tsv"};

        if (!s || storm_pass(s, clock_monotonic_ns(), NULL))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                section_missing(w, tables[i], true, 0,
                                "left out: another capture took it less than 5 s before");
        return false;
}
