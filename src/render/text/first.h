/* SPDX-License-Identifier: MIT */
/* text_first - the lower half of the first screen: three short lists. */
#ifndef SWANSONG_RENDER_TEXT_FIRST_H
#define SWANSONG_RENDER_TEXT_FIRST_H

#include "render/text/text.h"

/* The kernel's word about the kill in one sentence (text_kill.c). */
text_section text_first_kill;

text_section text_first_where, text_first_heap, text_first_census, text_first_heaps, text_first_mappings,
        text_first_threads;

/* Enough of RSS to stand on the first screen; where RSS is not known everything is. */
bool text_is_large(const struct text *t, uint64_t bytes);

#endif
