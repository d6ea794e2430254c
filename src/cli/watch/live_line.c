/* SPDX-License-Identifier: MIT */
#include "cli/watch/live_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/escape.h"

#define PERIOD_NS     (250 * NS_PER_MS)
#define GROWTH_AGE_NS (2 * NS_PER_S)

/* Growth that counts as none: 16 KiB/s would take 18 hours for a gigabyte. */
#define STEADY 16384

struct live_line live_line_open(void)
{
        const char *term = getenv("TERM");

        return (struct live_line){.terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0)};
}

bool live_line_due(const struct live_line *l, uint64_t now_ns)
{
        return l->terminal && now_ns - l->shown_ns >= PERIOD_NS;
}

/* Bytes of the text that take at most `columns`, a character taking one. */
static size_t fitting(const char *text, size_t columns)
{
        size_t n = 0, left = strlen(text);

        while (left > 0 && columns-- > 0) {
                size_t step = utf8_char_len(text + n, left);

                if (step == 0)
                        step = 1;
                n += step;
                left -= step;
        }
        return n;
}

void live_line_show(struct live_line *l, const char *text, uint64_t now_ns)
{
        struct winsize w = {0};
        size_t columns = 80;

        if (!l->terminal)
                return;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1)
                columns = w.ws_col;
        fprintf(stderr, "\r\033[K%.*s", (int)fitting(text, columns - 1), text);
        l->shown = true;
        l->shown_ns = now_ns;
}

void live_line_erase(struct live_line *l)
{
        if (l->shown)
                fputs("\r\033[K", stderr);
        l->shown = false;
        l->shown_ns = 0;
}

static void put_duration(struct buf *out, double seconds)
{
        if (seconds < 10)
                buf_printf(out, "%.1f s", seconds);
        else if (seconds < 60)
                buf_printf(out, "%.0f s", seconds);
        else if (seconds < 3600)
                buf_printf(out, "%.0f min %02.0f s", (double)((int)seconds / 60),
                           (double)((int)seconds % 60));
        else if (seconds < 48 * 3600)
                buf_printf(out, "%.1f h", seconds / 3600);
        else
                buf_printf(out, "%.0f days", seconds / 86400);
}

void live_line_describe(const struct observer *o, struct buf *out)
{
        const struct memory_limit *limit = &o->wholes.limit;
        uint64_t rss = o->sampler.now.rss, speed;
        int64_t growth = history_growth(&o->history, GROWTH_AGE_NS);
        char text[SIZE_TEXT];

        buf_printf(out, "RSS %s", size_format(rss, text));
        buf_printf(out, ", %.0f %% of %s", 100.0 * (double)rss / (double)limit->bytes,
                   size_format(limit->bytes, text));
        speed = growth < 0 ? (uint64_t)-growth : (uint64_t)growth;
        if (speed < STEADY) {
                buf_str(out, ", steady");
                return;
        }
        buf_printf(out, ", %c%s/s", growth < 0 ? '-' : '+', size_format(speed, text));
        if (growth > 0 && limit->bytes > rss) {
                buf_str(out, ", full in ");
                put_duration(out, (double)(limit->bytes - rss) / (double)growth);
        }
}
