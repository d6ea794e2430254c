/* SPDX-License-Identifier: MIT */
#include "render/text/history.h"

#define HISTORY_ROWS 24

void text_sparkline(const struct text *t, size_t columns)
{
        static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        const struct report *r = t->r;
        size_t n = r->n_history < columns ? r->n_history : columns;
        uint64_t max = 1;

        for (size_t i = 0; i < r->n_history; i++)
                if (r->history[i].rss != REPORT_UNKNOWN && r->history[i].rss > max)
                        max = r->history[i].rss;
        for (size_t k = 0; k < n; k++) {
                /* The last sample of each of n equal parts. */
                uint64_t rss = r->history[(k + 1) * r->n_history / n - 1].rss;

                if (rss == REPORT_UNKNOWN)
                        buf_char(t->out, '?');
                else
                        buf_str(t->out, levels[(size_t)((double)rss / (double)max * 7 + 0.5)]);
        }
}

static void add_sample(const struct text *t, const struct report_sample *s)
{
        const uint64_t values[] = {s->rss, s->anon, s->file, s->shmem, s->swap, s->group_usage, s->available};

        if (t->r->time_ns == REPORT_UNKNOWN || s->time_ns == REPORT_UNKNOWN)
                buf_printf(t->out, "  %11s", "?");
        else
                buf_printf(t->out, "  %+9.3f s", ((double)s->time_ns - (double)t->r->time_ns) / 1e9);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                text_size_cell(t, values[i]);
        buf_char(t->out, '\n');
}

void text_history(const struct text *t)
{
        static const char *const headings[] = {"RSS", "anon", "file", "shmem", "swap", "group", "left"};
        const struct report *r = t->r;
        size_t rows = text_rows(t, r->n_history, HISTORY_ROWS);
        char detail[120], count[COUNT_TEXT];

        if (r->n_history == 0)
                return;
        text_count(r->n_history, count);
        if (rows < r->n_history)
                snprintf(detail, sizeof(detail),
                         "%s samples, %zu of them here; \"left\" is the machine's MemAvailable", count, rows);
        else
                snprintf(detail, sizeof(detail), "%s sample%s; \"left\" is the machine's MemAvailable", count,
                         r->n_history == 1 ? "" : "s");
        text_title(t, "BEFORE THE CAPTURE", detail);
        buf_printf(t->out, "  %11s", "time");
        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                text_heading(t, headings[i]);
        buf_char(t->out, '\n');
        for (size_t k = 0; k < rows; k++)
                add_sample(t, &r->history[(k + 1) * r->n_history / rows - 1]);
        text_more(t, r->n_history - rows, "samples");
}
