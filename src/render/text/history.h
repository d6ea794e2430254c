/* SPDX-License-Identifier: MIT */
/* text_history - the samples before the capture. */
#ifndef SWANSONG_RENDER_TEXT_HISTORY_H
#define SWANSONG_RENDER_TEXT_HISTORY_H

#include "render/text/text.h"

/* RSS over time, "▁▂▃▅█": the last is the largest of the last samples; from 0 to the maximum. */
void text_sparkline(const struct text *t, size_t columns);

#endif
