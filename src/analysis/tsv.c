/* SPDX-License-Identifier: MIT */
#include "analysis/tsv.h"

#include <errno.h>
#include <limits.h>

#include "analysis/key_value.h"

/* Cut the next cell off the line; false behind the last one. */
static bool cell_next(struct scan *line, struct scan *ret)
{
        const char *tab;

        if (!line->at)
                return false;
        tab = memchr(line->at, '\t', scan_left(line));
        *ret = (struct scan){line->at, tab ? tab : line->end};
        line->at = tab ? tab + 1 : NULL;
        return true;
}

int tsv_begin(const char *text, size_t len, const char *const *columns, size_t n, struct tsv *ret)
{
        struct tsv t = {.rest = scan_of(text, len), .n = n};
        struct scan line, cell;

        for (size_t i = 0; i < n; i++)
                t.place[i] = UINT_MAX;
        if (!line_next(&t.rest, &line))
                return -EINVAL;
        for (unsigned place = 0; cell_next(&line, &cell); place++)
                for (size_t i = 0; i < n; i++)
                        if (t.place[i] == UINT_MAX && scan_is(&cell, columns[i]))
                                t.place[i] = place;
        if (t.place[0] == UINT_MAX)
                return -EINVAL;
        *ret = t;
        return 0;
}

bool tsv_next(struct tsv *t, struct scan *ret_cells)
{
        struct scan line, cell;

        if (!line_next(&t->rest, &line))
                return false;
        for (size_t i = 0; i < t->n; i++)
                ret_cells[i] = (struct scan){line.end, line.end};
        for (unsigned place = 0; cell_next(&line, &cell); place++)
                for (size_t i = 0; i < t->n; i++)
                        if (t->place[i] == place)
                                ret_cells[i] = cell;
        return true;
}

uint64_t tsv_number(const struct scan *cell)
{
        struct scan s = *cell;
        uint64_t value;
        bool ok = scan_word(&s, "0x") ? scan_hex(&s, &value) : scan_number(&s, &value);

        return ok && scan_left(&s) == 0 ? value : REPORT_UNKNOWN;
}

const char *tsv_text(const struct scan *cell, struct pool *pool)
{
        struct scan s = *cell;
        char *text, *out;

        if (scan_left(&s) == 0 || scan_is(&s, "-"))
                return NULL;
        text = out = pool_strndup(pool, s.at, scan_left(&s));
        if (!text)
                return NULL;
        while (s.at < s.end) {
                struct scan t = s;
                uint64_t byte;

                /* Exactly two digits belong to the escape, whatever stands behind them. */
                if (scan_word(&t, "\\x") && scan_left(&t) >= 2) {
                        struct scan digits = {t.at, t.at + 2};

                        /* A NUL can be in no path: it would cut the text. */
                        if (scan_hex(&digits, &byte) && scan_left(&digits) == 0 && byte != 0) {
                                *out++ = (char)byte;
                                s.at = t.at + 2;
                                continue;
                        }
                }
                *out++ = *s.at++;
        }
        *out = '\0';
        return text;
}
