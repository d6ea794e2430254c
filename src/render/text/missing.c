/* SPDX-License-Identifier: MIT */
/* What could not be had, and why: first what belongs here, then what not every kernel or user has. */
#include "render/text/text.h"

#define MISSING_ROWS 200

void text_missing(const struct text *t)
{
        const struct report *r = t->r;
        size_t shown = 0, rows = text_rows(t, r->n_missing, MISSING_ROWS);

        if (r->n_missing == 0)
                return;
        text_title(t, "MISSING",
                   "what could not be had, and why; (optional): not every kernel, program or user has it");
        for (int optional = 0; optional < 2; optional++)
                for (size_t i = 0; i < r->n_missing && shown < rows; i++) {
                        size_t begin = text_begin(t);

                        if (r->missing[i].optional != (bool)optional)
                                continue;
                        buf_str(t->out, "  ");
                        text_escaped(t, r->missing[i].section, 200);
                        buf_str(t->out, optional ? " (optional): " : ": ");
                        text_escaped(t, r->missing[i].reason, 500);
                        text_wrap(t, begin, 6);
                        shown++;
                }
        text_more(t, r->n_missing - shown, "sections");
}
