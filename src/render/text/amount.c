/* SPDX-License-Identifier: MIT */
/* Amounts on the page: sizes, shares, bars, durations, counts. */
#include <math.h>
#include <string.h>

#include "render/text/text.h"

void text_size(const struct text *t, uint64_t bytes)
{
        char size[SIZE_TEXT];

        buf_str(t->out, bytes == REPORT_UNKNOWN ? "?" : size_format(bytes, size));
}

void text_size_cell(const struct text *t, uint64_t bytes)
{
        char size[SIZE_TEXT];

        buf_printf(t->out, " %*s", SIZE_COLUMNS, bytes == REPORT_UNKNOWN ? "?" : size_format(bytes, size));
}

void text_heading(const struct text *t, const char *heading)
{
        buf_printf(t->out, " %*s", SIZE_COLUMNS, heading);
}

static double share_of(uint64_t part, uint64_t whole)
{
        return whole == 0 || part == REPORT_UNKNOWN || whole == REPORT_UNKNOWN ? NAN
                                                                               : (double)part / (double)whole;
}

void text_share(const struct text *t, uint64_t part, uint64_t whole)
{
        double percent = 100 * share_of(part, whole);

        if (isnan(percent))
                buf_printf(t->out, "%5s", "");
        else if (percent > 0 && percent < 0.5)
                buf_printf(t->out, "%3s %%", "<1");
        else if (percent > 999)
                buf_str(t->out, ">999 %");
        else
                buf_printf(t->out, "%3.0f %%", percent);
}

void text_bar(const struct text *t, uint64_t part, uint64_t whole, size_t columns)
{
        /* A full block, and those of one to seven eighths. */
        static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
        double share = share_of(part, whole);
        size_t n = isnan(share) ? 0 : share >= 1 ? 8 * columns : (size_t)(share * 8 * (double)columns + 0.5);

        if (n == 0 && share > 0)
                n = 1;
        for (size_t i = 0; i < n / 8; i++)
                buf_str(t->out, "█");
        buf_str(t->out, eighths[n % 8]);
        buf_printf(t->out, "%*s", (int)(columns - (n + 7) / 8), "");
}

void text_duration(const struct text *t, double seconds)
{
        static const struct {
                double below, unit;
                const char *name;
        } units[] = {
                {1e-3, 1e-6, "us"}, {1, 1e-3, "ms"},        {120, 1, "s"},
                {7200, 60, "min"},  {48 * 3600, 3600, "h"}, {INFINITY, 86400, "days"},
        };
        size_t i = 0;

        while (seconds >= units[i].below && i + 1 < ARRAY_SIZE(units))
                i++;
        seconds /= units[i].unit;
        buf_printf(t->out, "%.*f %s", seconds < 9.95 ? 1 : 0, seconds, units[i].name);
}

size_t text_rows(const struct text *t, size_t n, size_t max)
{
        return n <= max || t->style->all ? n : max;
}

char *text_count(uint64_t n, char out[COUNT_TEXT])
{
        char digits[COUNT_TEXT];
        int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
        char *o = out;

        for (int i = 0; i < len; i++) {
                if (i > 0 && (len - i) % 3 == 0)
                        *o++ = ',';
                *o++ = digits[i];
        }
        *o = '\0';
        return out;
}

void text_more(const struct text *t, size_t n, const char *what)
{
        char count[COUNT_TEXT];

        if (n == 0)
                return;
        buf_printf(t->out, "  … %s more %s: --all shows them, report.json has them\n", text_count(n, count),
                   what);
}
