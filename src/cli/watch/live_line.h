/* SPDX-License-Identifier: MIT */
/* live_line - one line on the terminal that is written over again and again, and out of the way of messages.
 *
 * Only if stderr is a terminal; otherwise it shows nothing.  What it is given is already escaped.
 */
#ifndef SWANSONG_CLI_WATCH_LIVE_LINE_H
#define SWANSONG_CLI_WATCH_LIVE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "trigger/observer.h"

struct live_line {
        bool terminal;
        bool shown;
        uint64_t shown_ns; /* monotonic */
};

struct live_line live_line_open(void);

/* Is it time for a new one?  At most four a second. */
bool live_line_due(const struct live_line *l, uint64_t now_ns);

/* Show the text, cut to the terminal's width. */
void live_line_show(struct live_line *l, const char *text, uint64_t now_ns);

/* Remove it, before anything else is printed. */
void live_line_erase(struct live_line *l);

/* "RSS 1.20 GiB, 60 % of the limit of 2.00 GiB, +12.5 MiB/s, reaches it in 1 min 5 s": appended. */
void live_line_describe(const struct observer *o, struct buf *out);

#endif
